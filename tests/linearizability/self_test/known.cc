#include "tests/linearizability/self_test/known.h"

#include <sstream>

#include <doctest/doctest.h>

#include "tests/linearizability/history_file.h"

namespace kv::linearizability {
namespace {

History weakened(History history) {
  weaken_local(history);
  return history;
}

// As if the server told no versions, where no condition names one.
History without_versions(History history) {
  for (Operation& operation : history.operations) {
    if (operation.outcome == Operation::Outcome::kConflict && operation.version != 0) {
      operation.outcome = Operation::Outcome::kFailed;
    } else if (operation.outcome != Operation::Outcome::kConflict) {
      operation.version.reset();
    }
  }
  return history;
}

}  // namespace

History history_of(const Known& known) {
  std::istringstream in("kv-history 1\n" + known.lines);
  History history;
  const auto read = read_history(in, known.story, history);
  REQUIRE_MESSAGE(read.has_value(), read.error().context);
  return history;
}

Verdict verdict_of_search(const History& history) {
  Verdict verdict = Verdict::kLinearizable;
  for (const auto& key : split_by_key(history)) {
    const auto result = search(key, 100'000);
    REQUIRE(result.verdict != Verdict::kUnknown);
    if (result.verdict == Verdict::kViolation) verdict = Verdict::kViolation;
  }
  return verdict;
}

void expect_good(const Known& known) {
  const Report report = check(history_of(known));
  CAPTURE(known.story);
  CHECK_MESSAGE(report.verdict == Verdict::kLinearizable, describe(report));
  CHECK(verdict_of_search(without_versions(weakened(history_of(known)))) == Verdict::kLinearizable);
}

void expect_bad(const Known& known, Shown shown) {
  CAPTURE(known.story);
  CHECK(check(history_of(known)).verdict == Verdict::kViolation);
  const History history = weakened(history_of(known));
  CHECK(verdict_of_search(history) == Verdict::kViolation);
  if (shown == Shown::kByValues) {
    CHECK(verdict_of_search(without_versions(history)) == Verdict::kViolation);
  }
}

}  // namespace kv::linearizability
