// kv attach: the shell on a terminal, with history and completion, or on a script.

#include <cstdlib>
#include <iostream>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <histedit.h>

#include "cli/commands.h"
#include "cli/shell.h"

namespace kv::cli {

namespace {

constexpr int kHistorySize = 1000;

void print(const Shell::Outcome& outcome) {
  if (!outcome.text.empty()) say(outcome.text + "\n");
  std::fflush(stdout);
  if (!outcome.error.empty()) complain(outcome.error);
}

// libedit's line editor for as long as it lives.
class LineEditor {
 public:
  explicit LineEditor(std::string prompt) : prompt_(std::move(prompt)) {
    editor_ = ::el_init("kv", stdin, stdout, stderr);
    history_ = ::history_init();
    HistEvent event;
    ::history(history_, &event, H_SETSIZE, kHistorySize);
    ::history(history_, &event, H_SETUNIQUE, 1);
    if (const char* home = std::getenv("HOME")) {
      file_ = std::string(home) + "/.kv_history";
      ::history(history_, &event, H_LOAD, file_.c_str());
    }
    ::el_set(editor_, EL_CLIENTDATA, this);
    ::el_set(editor_, EL_PROMPT, &LineEditor::prompt);
    ::el_set(editor_, EL_EDITOR, "emacs");
    ::el_set(editor_, EL_SIGNAL, 1);
    ::el_set(editor_, EL_HIST, ::history, history_);
    ::el_set(editor_, EL_ADDFN, "kv-complete", "Complete a verb", &LineEditor::complete);
    ::el_set(editor_, EL_BIND, "^I", "kv-complete", nullptr);
    ::el_set(editor_, EL_BIND, "^R", "em-inc-search-prev", nullptr);
    ::el_source(editor_, nullptr);
  }
  ~LineEditor() {
    HistEvent event;
    if (!file_.empty()) ::history(history_, &event, H_SAVE, file_.c_str());
    ::history_end(history_);
    ::el_end(editor_);
  }
  LineEditor(const LineEditor&) = delete;
  LineEditor& operator=(const LineEditor&) = delete;

  // nullopt at the end of input.
  std::optional<std::string> read() {
    int size = 0;
    const char* const line = ::el_gets(editor_, &size);
    if (line == nullptr || size <= 0) return std::nullopt;
    std::string text(line, static_cast<std::size_t>(size));
    while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.pop_back();
    if (!text.empty()) {
      HistEvent event;
      ::history(history_, &event, H_ENTER, text.c_str());
    }
    return text;
  }

 private:
  static char* prompt(EditLine* editor) {
    void* self = nullptr;
    ::el_get(editor, EL_CLIENTDATA, &self);
    return static_cast<LineEditor*>(self)->prompt_.data();
  }
  static unsigned char complete(EditLine* editor, int /*key*/) {
    const LineInfo* const line = ::el_line(editor);
    const std::string typed(line->buffer, line->cursor);
    if (typed.find(' ') != std::string::npos) return CC_ERROR;
    const auto verbs = Shell::verbs(typed);
    if (verbs.size() != 1) {
      if (verbs.empty()) return CC_ERROR;
      std::string list = "\n";
      for (const std::string& verb : verbs) list += verb + "  ";
      fmt::print("{}\n", list);
      return CC_REDISPLAY;
    }
    ::el_deletestr(editor, static_cast<int>(typed.size()));
    ::el_insertstr(editor, (verbs[0] + " ").c_str());
    return CC_REFRESH;
  }

  std::string prompt_;
  std::string file_;
  EditLine* editor_ = nullptr;
  History* history_ = nullptr;
};

int run_terminal(const Common& common) {
  Shell shell(common);
  if (auto connected = connect(common); !connected) {
    complain(describe(connected.error()) + "; trying again with each request");
  } else {
    say(fmt::format("connected to {}; HELP lists the verbs\n", common.address));
  }
  LineEditor editor(fmt::format("kv {}> ", common.address));
  while (const auto line = editor.read()) {
    const Shell::Outcome outcome = shell.run(*line);
    print(outcome);
    if (outcome.is_end) return kExitOk;
  }
  say("\n");
  return kExitOk;
}

int run_script(const Common& common, bool stops_at_failure) {
  Shell shell(common);
  int first_failure = kExitOk;
  for (std::string line; std::getline(std::cin, line);) {
    if (!line.empty() && line.back() == '\r') line.pop_back();
    const Shell::Outcome outcome = shell.run(line);
    print(outcome);
    if (outcome.code != kExitOk && first_failure == kExitOk) first_failure = outcome.code;
    if (outcome.is_end || (outcome.code != kExitOk && stops_at_failure)) break;
  }
  return first_failure;
}

}  // namespace

void add_attach(CLI::App& app, Common& common, Run& run) {
  auto bails = std::make_shared<bool>(false);
  CLI::App* attach = app.add_subcommand("attach", "talk to a server line by line");
  attach->add_flag("--bail", *bails, "in a script: stop at the first failure");
  attach->callback([=, &common, &run] {
    run = [=, &common] {
      return ::isatty(STDIN_FILENO) == 1 ? run_terminal(common) : run_script(common, *bails);
    };
  });
}

}  // namespace kv::cli
