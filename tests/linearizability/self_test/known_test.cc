#include "tests/linearizability/self_test/known.h"

#include <string>

#include <doctest/doctest.h>

#include "tests/linearizability/dead_end.h"
#include "tests/linearizability/version_check.h"

using namespace kv::linearizability;

TEST_CASE("what a register can have answered is linearizable") {
  const Known good[] = {
      {"nothing happened", ""},
      {"one after the other",
       "1 0 1 GET k = NOT_FOUND\n1 2 3 PUT k a = OK ver=1\n1 4 5 GET k = VALUE a ver=1\n"
       "1 6 7 DEL k = OK ver=2\n1 8 9 GET k = NOT_FOUND\n1 10 11 DEL k = NOT_FOUND\n"
       "1 12 13 PUT k a = OK ver=3\n1 14 15 GET k = VALUE a ver=3\n"},
      {"reads during a write find the old value, then the new one",
       "1 0 1 PUT k a = OK ver=1\n1 10 90 PUT k b = OK ver=2\n2 20 30 GET k = VALUE a ver=1\n"
       "3 40 50 GET k = VALUE b ver=2\n2 60 70 GET k = VALUE b ver=2\n"},
      {"concurrent writes take effect against the order of their calls",
       "1 0 100 PUT k a = OK ver=3\n2 10 100 PUT k b = OK ver=2\n3 20 100 PUT k c = OK ver=1\n"
       "4 110 120 GET k = VALUE a ver=3\n"},
      {"a return and a call at the same time are concurrent",
       "1 0 10 PUT k a = OK ver=1\n1 10 20 PUT k b = OK ver=2\n2 20 30 GET k = VALUE a ver=1\n"},
      {"an empty value is a value",
       "1 0 1 PUT k \"\" = OK ver=1\n1 2 3 GET k = VALUE \"\" ver=1\n"},
      {"keys do not concern each other",
       "1 0 1 PUT k a = OK ver=1\n1 2 3 PUT l b = OK ver=2\n2 4 5 GET k = VALUE a ver=1\n"
       "2 6 7 GET m = NOT_FOUND\n"},
      {"an unknown write that never shows",
       "1 0 1 PUT k a = OK ver=1\n2 2 - PUT k b = UNKNOWN\n1 10 11 GET k = VALUE a ver=1\n"
       "1 20 21 PUT k c = OK ver=2\n1 30 31 GET k = VALUE c ver=2\n"},
      {"an unknown write that shows at once",
       "2 0 5 PUT k b = UNKNOWN\n1 10 11 GET k = VALUE b ver=1\n"},
      {"an unknown write that shows up late, over a newer one",
       "2 0 5 PUT k b = UNKNOWN\n1 10 11 PUT k a = OK ver=1\n1 20 21 GET k = VALUE a ver=1\n"
       "1 30 31 GET k = VALUE b ver=2\n1 40 41 GET k = VALUE b ver=2\n"},
      {"an unknown delete that takes effect late",
       "1 0 1 PUT k a = OK ver=1\n2 2 - DEL k = UNKNOWN\n1 10 11 GET k = VALUE a ver=1\n"
       "1 20 21 GET k = NOT_FOUND\n"},
      {"a delete finds what an unknown write left, and a put that needs a value, too",
       "2 0 - PUT k a = UNKNOWN\n1 10 11 DEL k = OK ver=2\n1 12 13 GET k = NOT_FOUND\n"
       "2 14 - PUT k b = UNKNOWN\n1 20 21 PUT k c if=present = OK ver=4\n"},
      {"conditions one after the other",
       "1 0 1 PUT k a if=absent = OK ver=1\n1 2 3 PUT k b if=absent = CONFLICT ver=1\n"
       "1 4 5 PUT k b if=present = OK ver=2\n1 6 7 DEL k = OK ver=3\n"
       "1 8 9 PUT k b if=present = CONFLICT ver=0\n1 8 9 PUT k c if=2 = CONFLICT ver=0\n"
       "1 10 11 DEL k if=2 = NOT_FOUND\n"},
      {"of two conditional writes one wins",
       "1 0 10 PUT k a if=absent = OK ver=1\n2 0 10 PUT k b if=absent = CONFLICT ver=1\n"
       "1 20 30 PUT l c if=absent = CONFLICT ver=2\n2 20 30 PUT l d if=absent = OK ver=2\n"},
      {"definite failures did nothing",
       "1 0 1 PUT k a = FAILED NOT_LEADER\n1 2 3 GET k = NOT_FOUND\n1 4 5 GET k = UNKNOWN\n"},
      {"the last pair of a batch with a key counts",
       "1 0 1 BPUT k a l b k c = OK ver=1\n1 2 3 GET k = VALUE c ver=1\n"
       "1 2 3 GET l = VALUE b ver=1\n"},
      {"two unknown writes that each show once, the later one first",
       "1 0 - PUT k a = UNKNOWN\n2 5 - PUT k b = UNKNOWN\n3 10 11 GET k = VALUE b ver=1\n"
       "3 20 21 GET k = VALUE a ver=2\n"},
      {"a local write lost with its leader, whose version another got",
       "1 0 1 PUT k a ack=local = OK ver=1\nleader 5\n1 10 11 GET k = NOT_FOUND\n"
       "1 20 21 PUT k b = OK ver=1\n1 30 31 GET k = VALUE b ver=1\n"},
  };
  for (const Known& known : good) expect_good(known);
}

TEST_CASE("how many writes without a version stand behind one that has one makes a difference") {
  // Only the order of the first three decides whether version 6 is left for the last.
  const Known known = {"",
                       "1 0 90 PUT k a = OK ver=5\n2 0 91 PUT k a = OK\n3 0 92 PUT k a = OK\n"
                       "4 110 120 GET k = VALUE a ver=6\n"};
  CHECK(check(history_of(known)).verdict == Verdict::kLinearizable);
}

TEST_CASE("many reads at once do not make the search long") {
  std::string lines;
  for (int i = 0; i < 60; ++i) lines += "1 0 100 GET k = NOT_FOUND\n";
  lines += "1 0 101 PUT k a = OK\n1 110 120 GET k = NOT_FOUND\n";
  const auto keys = split_by_key(history_of({"", lines}));
  const auto result = search(keys.at(0), 100'000);
  CHECK(result.verdict == Verdict::kViolation);
  CHECK(result.steps < 1000);
}

TEST_CASE("values alone show these mistakes") {
  const Known bad[] = {
      {"a stale read",
       "1 0 1 PUT k a = OK ver=1\n1 2 3 PUT k b = OK ver=2\n2 4 5 GET k = VALUE a ver=1\n"},
      {"nothing found after a put", "1 0 1 PUT k a = OK ver=1\n2 4 5 GET k = NOT_FOUND\n"},
      {"a read of a value never written",
       "1 0 1 PUT k a = OK ver=1\n2 4 5 GET k = VALUE x ver=1\n"},
      {"a read of a value written later",
       "2 0 1 GET k = VALUE a ver=1\n1 4 5 PUT k a = OK ver=1\n"},
      {"a read of a value whose unknown write is called later",
       "2 0 1 GET k = VALUE a ver=1\n1 4 - PUT k a = UNKNOWN\n"},
      {"a value of another key", "1 0 1 PUT k a = OK ver=1\n2 4 5 GET l = VALUE a ver=1\n"},
      {"a deleted value comes back",
       "1 0 1 PUT k a = OK ver=1\n1 2 3 DEL k = OK ver=2\n2 4 5 GET k = VALUE a ver=1\n"},
      {"a delete of nothing succeeds", "1 0 1 DEL k = OK ver=1\n"},
      {"a delete finds nothing where something is",
       "1 0 1 PUT k a = OK ver=1\n1 2 3 DEL k = NOT_FOUND\n"},
      {"reads go back",
       "1 0 1 PUT k a = OK ver=1\n1 10 90 PUT k b = OK ver=2\n2 20 30 GET k = VALUE b ver=2\n"
       "3 40 50 GET k = VALUE a ver=1\n"},
      {"two readers see two writes in different orders",
       "1 0 100 PUT k a = OK ver=1\n2 0 100 PUT k b = OK ver=2\n3 10 20 GET k = VALUE a ver=1\n"
       "4 30 40 GET k = VALUE b ver=2\n3 50 60 GET k = VALUE a ver=1\n"
       "4 70 80 GET k = VALUE b ver=2\n"},
      {"a failed write shows", "1 0 1 PUT k a = FAILED TRY_LATER\n1 2 3 GET k = VALUE a ver=1\n"},
      {"an unknown write shows twice",
       "1 0 - PUT k a = UNKNOWN\n2 10 11 GET k = VALUE a ver=1\n2 20 21 PUT k b = OK ver=2\n"
       "2 30 31 GET k = VALUE a ver=3\n"},
      {"an unknown write shows in between, then comes back over a newer read",
       "1 0 - PUT k a = UNKNOWN\n1 1 - PUT k b = UNKNOWN\n2 10 11 GET k = VALUE a ver=1\n"
       "2 20 21 GET k = VALUE b ver=2\n2 30 31 GET k = VALUE a ver=1\n"},
      {"an unknown delete hides a value twice",
       "1 0 1 PUT k a = OK ver=1\n2 2 - DEL k = UNKNOWN\n1 10 11 GET k = NOT_FOUND\n"
       "1 12 13 PUT k b = OK ver=3\n1 14 15 GET k = NOT_FOUND\n"},
      {"conditional writes both win",
       "1 0 10 PUT k a if=absent = OK ver=1\n2 0 10 PUT k b if=absent = OK ver=2\n"},
      {"a put that needs a value gets done without one", "1 0 1 PUT k a if=present = OK ver=1\n"},
      {"a put that needs no value finds none, and is refused",
       "1 0 1 PUT k a if=present = CONFLICT ver=0\n1 2 3 PUT k a = OK ver=1\n"
       "1 4 5 PUT k a if=present = CONFLICT ver=0\n"},
      {"a write lost in the middle: it was read, then what was there before it",
       "1 0 1 PUT k a = OK ver=1\n2 2 3 PUT k b = OK ver=2\n3 4 5 GET k = VALUE b ver=2\n"
       "3 6 7 GET k = VALUE a ver=1\n"},
      {"a local write is lost without a leader change behind it",
       "leader 1\n1 10 11 PUT k a ack=local = OK ver=1\n1 20 21 GET k = NOT_FOUND\n"},
      {"half of a batch",
       "1 0 1 BPUT k a l b = OK ver=1\n1 2 3 GET k = VALUE a ver=1\n1 2 3 GET l = NOT_FOUND\n"},
  };
  for (const Known& known : bad) expect_bad(known, Shown::kByValues);
}

TEST_CASE("versions show these mistakes") {
  const Known bad[] = {
      {"a lost update: both replaced the same version",
       "1 0 1 PUT k a = OK ver=1\n1 2 10 PUT k b if=1 = OK ver=2\n2 2 10 PUT k c if=1 = OK "
       "ver=3\n"},
      {"writes one after the other with falling versions",
       "1 0 1 PUT k a = OK ver=2\n1 2 3 PUT k a = OK ver=1\n"},
      {"the same value again, but an older version",
       "1 0 1 PUT k a = OK ver=1\n1 2 3 PUT k a = OK ver=2\n2 4 5 GET k = VALUE a ver=1\n"},
      {"a value under another one's version",
       "1 0 10 PUT k a = OK ver=1\n2 0 10 PUT k b = OK ver=2\n2 4 5 GET k = VALUE a ver=2\n"},
      {"a value under the version of a delete",
       "1 0 1 PUT k a = OK ver=1\n1 2 3 DEL k = OK ver=2\n1 4 5 PUT k a = OK ver=3\n"
       "2 6 7 GET k = VALUE a ver=2\n"},
      {"two reads of a version find different values",
       "1 0 - PUT k a = UNKNOWN\n1 0 - PUT k b = UNKNOWN\n2 5 9 GET k = VALUE a ver=1\n"
       "2 5 9 GET k = VALUE b ver=1\n"},
      {"an unknown write with two versions",
       "1 0 - PUT k a = UNKNOWN\n2 5 9 GET k = VALUE a ver=1\n2 10 11 GET k = VALUE a ver=2\n"},
      {"no version is left for an unknown write between two others",
       "1 0 1 PUT k a = OK ver=1\n1 0 - PUT k b = UNKNOWN\n2 5 9 GET k = VALUE b ver=2\n"
       "1 10 11 PUT k c = OK ver=2\n"},
      {"a condition that names its own version", "1 0 1 PUT k a if=1 = OK ver=1\n"},
      {"a condition on a deleted version",
       "1 0 1 PUT k a = OK ver=1\n1 2 3 DEL k = OK ver=2\n1 4 5 PUT k b if=1 = OK ver=3\n"},
      {"a condition on the version of a delete",
       "1 0 1 PUT k a = OK ver=1\n1 2 3 DEL k = OK ver=2\n1 4 5 PUT k b if=2 = OK ver=3\n"},
      {"a refusal that finds what it asked for",
       "1 0 1 PUT k a = OK ver=1\n1 2 3 PUT k b if=1 = CONFLICT ver=1\n"},
      {"a refusal that finds an old version",
       "1 0 1 PUT k a = OK ver=1\n1 2 3 PUT k b = OK ver=2\n1 4 5 PUT k c if=9 = CONFLICT ver=1\n"},
      {"a refusal that finds what nobody wrote",
       "1 0 1 PUT k a = OK ver=1\n1 4 5 PUT k c if=absent = CONFLICT ver=7\n"},
      {"a refusal that finds what came later",
       "1 0 1 PUT k a = OK ver=1\n1 4 5 PUT k c if=absent = CONFLICT ver=7\n1 6 - PUT k d = "
       "UNKNOWN\n"},
      {"a delete with a condition does not find the version there is",
       "1 0 1 PUT k a = OK ver=1\n1 2 3 DEL k if=5 = OK ver=6\n"},
  };
  for (const Known& known : bad) expect_bad(known, Shown::kByVersions);
}

TEST_CASE("what the order of versions shows needs no search") {
  const Known bad[] = {
      {"the first returned before the second was called, but its version is later",
       "1 0 1 PUT k a = OK ver=2\n1 2 3 PUT k b = OK ver=1\n"},
      {"two writes have the same version", "1 0 9 PUT k a = OK ver=1\n2 0 9 PUT k b = OK ver=1\n"},
      {"the second found a value with the version of a delete",
       "2 0 9 PUT k a = OK ver=1\n2 0 9 DEL k = OK ver=2\n1 0 9 GET k = VALUE a ver=2\n"},
      {"the second read another value than was written with that version",
       "2 0 9 PUT k a = OK ver=1\n1 0 9 GET k = VALUE b ver=1\n"},
      {"it found what nobody wrote", "2 0 9 PUT k a = OK ver=1\n1 0 9 GET k = VALUE a ver=2\n"},
      {"it found what came later", "2 10 - PUT k a = UNKNOWN\n1 0 9 GET k = VALUE a ver=2\n"},
      {"they read two values with the same version",
       "2 0 - PUT k a = UNKNOWN\n2 0 - PUT k b = UNKNOWN\n1 0 9 GET k = VALUE a ver=2\n"
       "1 0 9 GET k = VALUE b ver=2\n"},
      {"they read a value with more versions than it was written times",
       "2 0 - PUT k a = UNKNOWN\n1 0 9 GET k = VALUE a ver=2\n1 0 9 GET k = VALUE a ver=3\n"},
      {"its condition names a version that is not older than its own",
       "2 0 9 PUT k a if=7 = OK ver=1\n"},
      {"the second was done although the first had changed the version",
       "2 0 9 PUT k a = OK ver=1\n2 0 9 PUT k b = OK ver=2\n2 0 9 DEL k if=1 = OK ver=3\n"},
      {"the second was done on the version of a delete",
       "2 0 9 PUT k a = OK ver=1\n2 0 9 DEL k = OK ver=2\n2 0 9 PUT k a if=2 = OK ver=3\n"},
      {"the second was done although the first had put a value",
       "2 0 9 PUT k a = OK ver=1\n2 0 9 PUT k b if=absent = OK ver=2\n"},
      {"it was done although there was no value", "2 0 9 DEL k = OK ver=1\n"},
      {"it was done although there was no value", "2 0 9 PUT k a if=present = OK ver=1\n"},
      {"the second found nothing, but the first had put a value",
       "2 0 9 PUT k a = OK ver=1\n1 10 19 GET k = NOT_FOUND\n"},
      {"the second found nothing, but the first had put a value",
       "2 0 9 PUT k a = OK ver=1\n1 10 19 GET k = NOT_FOUND\n1 30 39 DEL k = OK ver=2\n"},
  };
  for (const Known& known : bad) {
    CAPTURE(known.story);
    const auto clash = check_versions(split_by_key(history_of(known)).at(0));
    REQUIRE(clash.has_value());
    CHECK(clash->what == known.story);
  }
}

TEST_CASE("a violation names the operation that ends the shortest beginning without an order") {
  const History history = history_of(
      {"",
       "1 0 1 PUT k a = OK ver=1\n1 2 3 PUT k b = OK ver=2\n2 4 20 GET k = VALUE b ver=2\n"
       "3 5 6 GET k = VALUE a ver=1\n4 7 8 GET k = VALUE c ver=7\n"});
  const auto keys = split_by_key(history);
  REQUIRE(keys.size() == 1);
  const auto end = find_dead_end(keys[0], 1000);
  REQUIRE(end.has_value());
  CHECK(describe(history.operations[end->stuck]) == "3 5 6 GET k = VALUE a ver=1");
  CHECK(end->before == 2);
  CHECK(end->last == std::vector<std::size_t>{0, 1});
  CHECK(end->under_way.empty());
  CHECK(describe(end->state, keys[0].values) == "value b, version 2");
  const std::string text = describe(check(history));
  CHECK(text.find("VIOLATION: 5 operations on 1 keys") == 0);
  CHECK(text.find("key k: no order explains this answer, with 2 operations before it\n") !=
        text.npos);
  CHECK(text.find("\n    3 5 6 GET k = VALUE a ver=1\n") != text.npos);
}

TEST_CASE("a search that takes too long is undecided") {
  const Known known = {"", "1 0 1 PUT k a = OK ver=1\n1 2 3 GET k = VALUE a ver=1\n"};
  const Report report = check(history_of(known), {.steps_max = 1});
  CHECK(report.verdict == Verdict::kUnknown);
  CHECK(report.unknown_keys == std::vector<std::string>{"k"});
  CHECK(check(history_of(known), {.steps_max = 2}).verdict == Verdict::kLinearizable);
}
