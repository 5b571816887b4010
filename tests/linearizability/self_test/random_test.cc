#include <cstdlib>
#include <map>
#include <random>
#include <sstream>

#include <doctest/doctest.h>

#include "tests/linearizability/checker.h"
#include "tests/linearizability/dead_end.h"
#include "tests/linearizability/history_file.h"
#include "tests/linearizability/self_test/brute_force.h"
#include "tests/linearizability/self_test/mutation.h"
#include "tests/linearizability/self_test/random_history.h"
#include "tests/linearizability/version_check.h"

// KV_SEED=N repeats what failed.

using namespace kv::linearizability;
using kv::Condition;

namespace {

constexpr std::uint64_t kStepsMax = 1'000'000;

template <class Run>
void for_each_seed(std::uint64_t count, Run run) {
  if (const char* given = std::getenv("KV_SEED")) return run(std::strtoull(given, nullptr, 10));
  std::random_device random;
  for (std::uint64_t i = 0; i < count; ++i) run(std::uint64_t{random()} << 32 | random());
}

std::string text_of(const History& history) {
  std::ostringstream out;
  write_history(out, history);
  return out.str();
}

RandomHistoryOptions some_options(std::uint64_t seed) {
  RandomHistoryOptions options;
  options.clients = 1 + seed % 7;
  options.keys = 1 + seed / 7 % 4;
  options.length_max_ns = seed / 28 % 2 == 0 ? 12 : 60;
  options.unknown_share = seed / 56 % 2 == 0 ? 0.05 : 0.3;
  options.delete_share = seed / 112 % 2 == 0 ? 0 : 0.3;
  return options;
}

// As if the server told no versions. What depends on them is no longer known.
History without_versions(const History& history) {
  History bare;
  for (Operation operation : history.operations) {
    if (operation.outcome == Operation::Outcome::kConflict ||
        operation.condition.kind == Condition::Kind::kVersion) {
      if (!operation.is_done() && !operation.is_unknown()) continue;
      // It was done, or may have been, whatever the version was.
      if (operation.condition.kind == Condition::Kind::kVersion) {
        operation.condition.kind = Condition::Kind::kPresent;
      }
    }
    operation.version.reset();
    bare.operations.push_back(operation);
  }
  return bare;
}

Verdict verdict_of_search(const History& history) {
  bool is_unknown = false;
  for (const auto& key : split_by_key(history)) {
    const Verdict verdict = search(key, kStepsMax).verdict;
    if (verdict == Verdict::kViolation) return verdict;
    is_unknown |= verdict == Verdict::kUnknown;
  }
  return is_unknown ? Verdict::kUnknown : Verdict::kLinearizable;
}

// A small history of one key, as it can be or with something changed.
History small_history(std::uint64_t seed) {
  RandomHistoryOptions options{.clients = 3, .keys = 1, .operations = 5 + seed % 3};
  options.unknown_share = 0.3;
  options.delete_share = 0.25;
  options.has_batches = false;
  options.has_unique_values = seed % 5 == 0;
  History history = random_history(seed, options);
  std::mt19937_64 random(seed);
  for (std::uint64_t changes = random() % 4; changes > 0; --changes) {
    Operation& one = history.operations[random() % history.operations.size()];
    const Operation& other = history.operations[random() % history.operations.size()];
    const bool has_version = one.version && *one.version != 0;
    switch (random() % 6) {
      case 0:
        one.value = other.value;
        break;
      case 1:
        if (has_version) one.version = 1 + random() % 5;
        break;
      case 2:
        if (has_version && one.outcome != Operation::Outcome::kConflict) one.version.reset();
        break;
      case 3:
        one.condition.version = 1 + random() % 5;
        break;
      case 4:
        if (one.is_write()) one.outcome = Operation::Outcome::kUnknown;
        break;
      default:
        one.call_ns = random() % 30;
        if (!one.is_unknown()) one.return_ns = one.call_ns + random() % 20;
    }
  }
  return history;
}

}  // namespace

TEST_CASE("what a true register answered is linearizable, with versions and without") {
  std::uint64_t unknown = 0;
  for_each_seed(1500, [&](std::uint64_t seed) {
    CAPTURE(seed);
    const History history = random_history(seed, some_options(seed));
    const Report report = check(history, {.steps_max = kStepsMax});
    CHECK_MESSAGE(report.verdict == Verdict::kLinearizable, describe(report), text_of(history));
    const Verdict bare = verdict_of_search(without_versions(history));
    CHECK_MESSAGE(bare != Verdict::kViolation, text_of(history));
    if (bare == Verdict::kUnknown) ++unknown;
  });
  MESSAGE("undecided without versions: ", unknown);
  CHECK(unknown <= 7);
}

TEST_CASE("a changed answer is found, by the search, by values alone where they show it") {
  std::map<std::string, int> found;
  int unknown = 0;
  for_each_seed(400, [&](std::uint64_t seed) {
    CAPTURE(seed);
    const History history = random_history(seed, some_options(seed));
    std::mt19937_64 random(seed);
    for (const Mutation& mutation : mutations()) {
      CAPTURE(std::string(mutation.name));
      const auto changed = mutation.apply(history, random);
      if (!changed) continue;
      CAPTURE(text_of(*changed));
      CHECK(verdict_of_search(*changed) == Verdict::kViolation);
      CHECK(check(*changed, {.steps_max = kStepsMax}).verdict == Verdict::kViolation);
      if (mutation.shows_by_values) {
        // Where dozens of outcomes are unknown there may be too many orders to try them all.
        const Verdict bare = verdict_of_search(without_versions(*changed));
        CHECK(bare != Verdict::kLinearizable);
        if (bare == Verdict::kUnknown) ++unknown;
      }
      ++found[mutation.name];
    }
  });
  if (std::getenv("KV_SEED") != nullptr) return;
  MESSAGE("undecided without versions: ", unknown);
  CHECK(unknown <= 7);
  for (const Mutation& mutation : mutations()) {
    MESSAGE(std::string(mutation.name), ": ", found[mutation.name]);
    CHECK(found[mutation.name] > 0);
  }
}

TEST_CASE("the search says what trying every order says") {
  int good = 0;
  int bad = 0;
  int by_versions = 0;
  for_each_seed(20'000, [&](std::uint64_t seed) {
    CAPTURE(seed);
    const History history = small_history(seed);
    CAPTURE(text_of(history));
    const bool is_good = has_order(history);
    ++(is_good ? good : bad);
    for (const auto& key : split_by_key(history)) {
      const auto result = search(key, kStepsMax);
      CHECK(result.verdict == (is_good ? Verdict::kLinearizable : Verdict::kViolation));
      // The quick look never finds anything where nothing is.
      const bool is_found = check_versions(key).has_value();
      CHECK_FALSE((is_found && is_good));
      if (is_found) ++by_versions;
    }
  });
  MESSAGE("linearizable: ", good, ", not: ", bad, ", of which versions show ", by_versions);
}

TEST_CASE("the order that a search tells is one") {
  for_each_seed(300, [&](std::uint64_t seed) {
    CAPTURE(seed);
    const History history = random_history(seed, some_options(seed));
    for (const auto& key : split_by_key(history)) {
      const auto result = search(key, kStepsMax);
      RegisterState state;
      std::uint64_t latest_call_ns = 0;
      std::vector<int> times(key.parts.size());
      for (const std::size_t part : result.order) {
        const auto after = step(state, key.parts[part]);
        REQUIRE(after.has_value());
        state = *after;
        ++times[part];
        // Nothing in front of it was called after it had returned.
        CHECK(latest_call_ns <= key.parts[part].return_ns);
        latest_call_ns = std::max(latest_call_ns, key.parts[part].call_ns);
      }
      CHECK(state == result.state);
      for (std::size_t i = 0; i < times.size(); ++i) {
        CHECK(times[i] <= 1);
        if (!key.parts[i].is_unknown()) CHECK(times[i] == 1);
      }
    }
  });
}

TEST_CASE("a dead end is the end of the shortest beginning that has no order") {
  for_each_seed(3000, [&](std::uint64_t seed) {
    CAPTURE(seed);
    const History history = small_history(seed);
    if (has_order(history)) return;
    CAPTURE(text_of(history));
    const auto keys = split_by_key(history);
    const auto end = find_dead_end(keys.at(0), kStepsMax);
    REQUIRE(end.has_value());
    const std::uint64_t end_ns = history.operations[end->stuck].return_ns;
    // What returned strictly before it can be explained.
    History before;
    for (Operation operation : history.operations) {
      if (operation.call_ns > end_ns) continue;
      if (operation.return_ns >= end_ns && !operation.is_unknown()) {
        if (!operation.is_done() || !operation.is_write()) continue;
        operation.outcome = Operation::Outcome::kUnknown;
      }
      before.operations.push_back(operation);
    }
    CHECK(has_order(before));
  });
}

TEST_CASE("thousands of operations of fifty clients on a key are decided in few steps") {
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    CAPTURE(seed);
    RandomHistoryOptions options{.clients = 50, .keys = 2, .operations = 20'000};
    options.length_max_ns = 300;
    options.unknown_share = 0.03;
    const Report report = check(random_history(seed, options));
    CHECK_MESSAGE(report.verdict == Verdict::kLinearizable, describe(report));
    MESSAGE(report.steps, " steps");
    CHECK(report.steps < 1'000'000);
  }
}
