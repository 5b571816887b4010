#include "cli/line_editor.h"

#include <algorithm>
#include <clocale>
#include <cstdio>
#include <sys/stat.h>

#include <histedit.h>

namespace kv::cli {

namespace {

constexpr int kHistorySize = 1000;
constexpr mode_t kOthersMask = 077;

std::string common_start(const std::vector<std::string>& words) {
  std::string out = words.front();
  for (const std::string& word : words) {
    const auto end = std::mismatch(out.begin(), out.end(), word.begin(), word.end()).first;
    out.erase(end, out.end());
  }
  return out;
}

}  // namespace

LineEditor::LineEditor(std::string prompt, std::string history_file, Complete complete)
    : prompt_(std::move(prompt)), history_file_(std::move(history_file)), complete_(complete) {
  std::setlocale(LC_CTYPE, "");  // or what is no ASCII could not be typed
  editor_ = ::el_init("kv", stdin, stdout, stderr);
  history_ = ::history_init();
  HistEvent event;
  ::history(history_, &event, H_SETSIZE, kHistorySize);
  ::history(history_, &event, H_SETUNIQUE, 1);
  if (!history_file_.empty()) ::history(history_, &event, H_LOAD, history_file_.c_str());
  ::el_set(editor_, EL_CLIENTDATA, this);
  ::el_set(editor_, EL_PROMPT, &LineEditor::prompt_of);
  ::el_set(editor_, EL_EDITOR, "emacs");
  ::el_set(editor_, EL_SIGNAL, 1);
  ::el_set(editor_, EL_HIST, ::history, history_);
  // The wide call keeps these words; el_set() would keep copies, and never free them.
  ::el_wset(editor_, EL_ADDFN, L"kv-complete", L"Complete a verb or option", &LineEditor::on_tab);
  ::el_set(editor_, EL_BIND, "^I", "kv-complete", nullptr);
  ::el_set(editor_, EL_BIND, "^R", "em-inc-search-prev", nullptr);
  ::el_source(editor_, nullptr);
}

LineEditor::~LineEditor() {
  ::history_end(history_);
  ::el_end(editor_);
}

std::optional<std::string> LineEditor::read() {
  int size = 0;
  const char* const line = ::el_gets(editor_, &size);
  if (line == nullptr || size <= 0) return std::nullopt;
  std::string text(line, static_cast<std::size_t>(size));
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.pop_back();
  if (!text.empty()) {
    HistEvent event;
    ::history(history_, &event, H_ENTER, text.c_str());
    save();
  }
  return text;
}

// After every line: an interrupt ends the process where it stands.
void LineEditor::save() const {
  if (history_file_.empty()) return;
  HistEvent event;
  const mode_t before = ::umask(kOthersMask);
  ::history(history_, &event, H_SAVE, history_file_.c_str());
  ::umask(before);
}

char* LineEditor::prompt_of(EditLine* editor) {
  void* self = nullptr;
  ::el_get(editor, EL_CLIENTDATA, &self);
  return static_cast<LineEditor*>(self)->prompt_.data();
}

unsigned char LineEditor::on_tab(EditLine* editor, int /*key*/) {
  void* self = nullptr;
  ::el_get(editor, EL_CLIENTDATA, &self);
  return static_cast<LineEditor*>(self)->complete_word();
}

unsigned char LineEditor::complete_word() {
  const LineInfo* const info = ::el_line(editor_);
  const std::string_view line(info->buffer, static_cast<std::size_t>(info->cursor - info->buffer));
  const std::string_view word = line.substr(line.find_last_of(' ') + 1);
  const std::vector<std::string> words = complete_(line);
  if (words.empty()) return CC_ERROR;
  std::string text = common_start(words);
  if (words.size() == 1 && text.back() != '=') text += ' ';
  if (text.size() > word.size()) {
    ::el_deletestr(editor_, static_cast<int>(word.size()));
    return ::el_insertstr(editor_, text.c_str()) == 0 ? CC_REFRESH : CC_ERROR;
  }
  std::string list = "\n";
  for (const std::string& one : words) list += one + "  ";
  std::puts(list.c_str());
  return CC_REDISPLAY;
}

}  // namespace kv::cli
