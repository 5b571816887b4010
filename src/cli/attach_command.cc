// kv attach: the shell on a terminal, or on a script.

#include <cstdlib>
#include <iostream>
#include <unistd.h>

#include <CLI/CLI.hpp>

#include "cli/commands.h"
#include "cli/line_editor.h"
#include "cli/shell.h"

namespace kv::cli {

namespace {

void print(const Shell::Outcome& outcome) {
  if (!outcome.text.empty()) say(outcome.text + "\n");
  std::fflush(stdout);
  if (!outcome.error.empty()) complain(outcome.error);
}

std::string history_file() {
  const char* const home = std::getenv("HOME");
  return home == nullptr || *home == '\0' ? "" : std::string(home) + "/.kv_history";
}

int run_terminal(const Common& common) {
  Shell shell(common);
  if (auto reached = shell.reach(); !reached) {
    if (reached.error().code == Errc::kInvalidArgument) return fail_to_connect(reached.error());
    complain(describe(reached.error()) + "; trying again with each request");
  } else if (!common.is_quiet) {
    say(fmt::format("connected to {}; HELP lists the verbs\n", shell.address()));
  }
  std::fflush(stdout);
  // The prompt tells who answers, which changes with the leader of a cluster.
  const auto prompt = [&] { return fmt::format("kv {}> ", shell.address()); };
  LineEditor editor(prompt(), history_file(), &Shell::completions);
  while (const auto line = editor.read()) {
    const Shell::Outcome outcome = shell.run(*line);
    print(outcome);
    if (outcome.is_end) return kExitOk;
    editor.set_prompt(prompt());
  }
  say("\n");
  return kExitOk;
}

// The code of the first request that failed.
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
      if (common.is_json) {
        complain("attach answers in words; put, get and range have --json");
        return static_cast<int>(kExitUsage);
      }
      return ::isatty(STDIN_FILENO) == 1 ? run_terminal(common) : run_script(common, *bails);
    };
  });
}

}  // namespace kv::cli
