#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

typedef struct editline EditLine;  // of libedit
typedef struct history History;

namespace kv::cli {

// Lines typed on a terminal: editing, a history that outlives the process (readable by its owner
// alone, as it holds what was stored), a search in it with Ctrl-R, and completion with Tab. One
// thread; one object at a time.
class LineEditor {
 public:
  // What the word under the cursor could become, given the line up to there.
  using Complete = std::vector<std::string> (*)(std::string_view line);

  // `history_file` empty: no history is kept.
  LineEditor(std::string prompt, std::string history_file, Complete complete);
  ~LineEditor();
  LineEditor(const LineEditor&) = delete;
  LineEditor& operator=(const LineEditor&) = delete;

  void set_prompt(std::string prompt) { prompt_ = std::move(prompt); }
  // The next line, without its end. nullopt: the end of input.
  std::optional<std::string> read();

 private:
  static char* prompt_of(EditLine* editor);
  static unsigned char on_tab(EditLine* editor, int key);
  unsigned char complete_word();
  void save() const;

  std::string prompt_;
  const std::string history_file_;
  const Complete complete_;
  History* history_ = nullptr;
  EditLine* editor_ = nullptr;
};

}  // namespace kv::cli
