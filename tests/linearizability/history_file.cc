#include "tests/linearizability/history_file.h"

#include <fmt/format.h>

namespace kv::linearizability {
namespace {

tl::unexpected<Error> wrong(std::string what) {
  return tl::unexpected(Error{.code = Errc::kInvalidArgument, .context = std::move(what)});
}

}  // namespace

void write_history(std::ostream& out, const History& history) {
  out << kHistoryHeader << '\n';
  for (const Operation& operation : history.operations) out << describe(operation) << '\n';
  for (const std::uint64_t time : history.leader_changes) out << "leader " << time << '\n';
}

Result<void> read_history(std::istream& in, const std::string& name, History& history) {
  std::string line;
  std::size_t line_number = 1;
  if (!std::getline(in, line) || line != kHistoryHeader) {
    return wrong(fmt::format("{}:1: the first line is not '{}'", name, kHistoryHeader));
  }
  while (std::getline(in, line)) {
    ++line_number;
    // Half a number is a number, too.
    if (in.eof()) return wrong(fmt::format("{}:{}: the line has no end", name, line_number));
    if (line.empty() || line[0] == '#' || line == kHistoryHeader) continue;
    if (auto read = read_line(line, history); !read) {
      return wrong(fmt::format("{}:{}: {}", name, line_number, read.error().context));
    }
  }
  return {};
}

}  // namespace kv::linearizability
