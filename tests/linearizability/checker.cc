#include "tests/linearizability/checker.h"

#include <fmt/format.h>

#include "tests/linearizability/batch_check.h"
#include "tests/linearizability/dead_end.h"
#include "tests/linearizability/version_check.h"
#include "tests/linearizability/weak_read_check.h"
#include "tests/linearizability/word.h"

namespace kv::linearizability {
namespace {

class Check {
 public:
  Check(const History& history, const CheckOptions& options)
      : history_(history), options_(options) {}

  Report run() {
    const std::vector<KeyHistory> keys = split_by_key(history_);
    report_.operations = history_.operations.size();
    report_.keys = keys.size();
    if (auto what = check_versions_differ(history_)) report_.violations.push_back({"", *what});
    for (const KeyHistory& key : keys) check_key(key);
    for (const auto& [what, operations] : check_batches(history_, keys)) {
      report_.violations.push_back({"", what + lines(operations)});
    }
    for (const auto& [key, what, operations] : check_weak_reads(history_, keys)) {
      report_.violations.push_back({key, what + lines(operations)});
    }
    if (!report_.unknown_keys.empty()) report_.verdict = Verdict::kUnknown;
    if (!report_.violations.empty()) report_.verdict = Verdict::kViolation;
    return std::move(report_);
  }

 private:
  void check_key(const KeyHistory& key) {
    if (const auto clash = check_versions(key)) {
      report_.violations.push_back({key.key, clash->what + part_lines(key, clash->parts)});
    }
    const SearchResult result = search(key, options_.steps_max);
    report_.steps += result.steps;
    if (result.verdict == Verdict::kUnknown) report_.unknown_keys.push_back(key.key);
    if (result.verdict != Verdict::kViolation) return;
    report_.violations.push_back({key.key, describe_dead_end(key)});
  }

  std::string describe_dead_end(const KeyHistory& key) const {
    const auto end = find_dead_end(key, options_.steps_max);
    if (!end) return "no order explains its operations";
    std::string what =
        fmt::format("no order explains this answer, with {} operations before it", end->before);
    what += lines({end->stuck}) + "\n  it would meet " + describe(end->state, key.values);
    if (!end->last.empty()) what += "\n  after" + lines(end->last);
    if (!end->under_way.empty()) {
      what += "\n  other writes under way or unknown, which do not help" + lines(end->under_way);
    }
    return what;
  }

  std::string lines(const std::vector<std::size_t>& operations) const {
    constexpr std::size_t kShownMax = 20;
    std::string out;
    for (std::size_t i = 0; i < operations.size() && i < kShownMax; ++i) {
      out += "\n    " + describe(history_.operations[operations[i]]);
    }
    if (operations.size() > kShownMax) {
      out += fmt::format("\n    and {} more", operations.size() - kShownMax);
    }
    return out;
  }

  std::string part_lines(const KeyHistory& key, const std::vector<std::size_t>& parts) const {
    std::vector<std::size_t> operations;
    for (const std::size_t part : parts) operations.push_back(key.parts[part].operation);
    return lines(operations);
  }

  const History& history_;
  const CheckOptions& options_;
  Report report_;
};

}  // namespace

Report check(History history, const CheckOptions& options) {
  weaken_local(history);
  return Check(history, options).run();
}

std::string describe(const Report& report) {
  std::string out;
  switch (report.verdict) {
    case Verdict::kLinearizable:
      out = "LINEARIZABLE";
      break;
    case Verdict::kViolation:
      out = "VIOLATION";
      break;
    case Verdict::kUnknown:
      out = "UNKNOWN";
      break;
  }
  out += fmt::format(": {} operations on {} keys, {} undecided, {} steps\n", report.operations,
                     report.keys, report.unknown_keys.size(), report.steps);
  for (const auto& [key, what] : report.violations) {
    out += key.empty() ? what + "\n" : fmt::format("key {}: {}\n", quoted(key), what);
  }
  for (const std::string& key : report.unknown_keys) {
    out += fmt::format("key {}: undecided within the steps allowed\n", quoted(key));
  }
  return out;
}

}  // namespace kv::linearizability
