// Whether a history is linearizable:
//   kv_check_history [--steps N] FILE...     (`-`: standard input; several files are one history)
// Exit code 0: it is; 1: it is not, and what shows it; 2: undecided, or not a history.
#include <charconv>
#include <fstream>
#include <iostream>
#include <span>
#include <string_view>

#include <fmt/format.h>

#include "tests/linearizability/checker.h"
#include "tests/linearizability/history_file.h"

namespace {

using kv::linearizability::CheckOptions;
using kv::linearizability::History;
using kv::linearizability::Verdict;

constexpr int kUndecided = 2;

int fail(const std::string& why) {
  fmt::print(stderr, "kv_check_history: {}\n", why);
  return kUndecided;
}

kv::Result<void> read(const std::string& name, History& history) {
  if (name == "-") return kv::linearizability::read_history(std::cin, "standard input", history);
  std::ifstream file(name);
  if (!file) {
    return tl::unexpected(kv::Error{.code = kv::Errc::kIo, .context = name + ": cannot be opened"});
  }
  return kv::linearizability::read_history(file, name, history);
}

}  // namespace

int main(int argc, char** argv) {
  std::span<char*> arguments(argv + 1, static_cast<std::size_t>(argc - 1));
  CheckOptions options;
  if (arguments.size() >= 2 && std::string_view(arguments[0]) == "--steps") {
    const std::string_view word = arguments[1];
    const auto end = word.data() + word.size();
    const auto parsed = std::from_chars(word.data(), end, options.steps_max);
    if (parsed.ec != std::errc() || parsed.ptr != end) return fail("--steps takes a number");
    arguments = arguments.subspan(2);
  }
  if (arguments.empty()) return fail("usage: kv_check_history [--steps N] FILE...");
  History history;
  for (const char* name : arguments) {
    if (const auto done = read(name, history); !done) return fail(done.error().context);
  }
  const auto report = kv::linearizability::check(std::move(history), options);
  fmt::print("{}", describe(report));
  switch (report.verdict) {
    case Verdict::kLinearizable:
      return 0;
    case Verdict::kViolation:
      return 1;
    case Verdict::kUnknown:
      break;
  }
  return kUndecided;
}
