// What concerns several keys.
#include <string>

#include <doctest/doctest.h>

#include "tests/linearizability/self_test/known.h"

using namespace kv::linearizability;

TEST_CASE("two writes never have the same version, not of different keys either") {
  const Known bad = {"", "1 0 1 PUT k a = OK ver=1\n1 2 3 PUT l b = OK ver=1\n"};
  const Known good = {"", "1 0 1 BPUT k a l b = OK ver=1\n1 2 3 PUT l b = OK ver=2\n"};
  CHECK(check(history_of(bad)).verdict == Verdict::kViolation);
  CHECK(check(history_of(good)).verdict == Verdict::kLinearizable);
}

TEST_CASE("a batch is seen as a whole") {
  const Known good[] = {
      {"by a reader who comes in between, and one of the old values at the same time",
       "1 0 1 BPUT k a l b = OK ver=1\n1 10 90 BPUT k c l d = OK ver=2\n"
       "2 20 40 GET k = VALUE c ver=2\n3 30 50 GET l = VALUE b ver=1\n"},
      {"unknown, seen late",
       "1 0 - BPUT k c l d = UNKNOWN\n2 20 30 GET l = NOT_FOUND\n3 40 50 GET k = VALUE c ver=1\n"
       "2 60 70 GET l = VALUE d ver=1\n"},
      {"unknown, with a key deleted afterwards",
       "1 0 - BPUT k c l d = UNKNOWN\n3 40 50 GET k = VALUE c ver=1\n2 60 70 DEL l = OK ver=2\n"
       "2 80 90 GET l = NOT_FOUND\n"},
      {"the same again",
       "1 0 1 BPUT k a l b = OK ver=1\n1 2 - BPUT k a l b = UNKNOWN\n"
       "2 20 30 GET k = VALUE a ver=2\n2 40 50 GET l = VALUE b ver=2\n"},
  };
  const Known bad[] = {
      {"one key new, then the other one old",
       "1 0 1 BPUT k a l b = OK ver=1\n1 10 90 BPUT k c l d = OK ver=2\n"
       "2 20 30 GET k = VALUE c ver=2\n3 40 50 GET l = VALUE b ver=1\n"},
      {"one key new, then the other one absent",
       "1 10 90 BPUT k c l d = OK ver=2\n2 20 30 GET k = VALUE c ver=2\n"
       "3 40 50 GET l = NOT_FOUND\n"},
      {"the same of an unknown one",
       "1 10 - BPUT k c l d = UNKNOWN\n2 20 30 GET k = VALUE c ver=2\n3 40 50 GET l = NOT_FOUND\n"},
      {"an older delete does not explain it",
       "1 0 1 PUT l x = OK ver=1\n1 2 3 DEL l = OK ver=2\n1 10 - BPUT k c l d = UNKNOWN\n"
       "2 20 30 GET k = VALUE c ver=3\n3 40 50 GET l = NOT_FOUND\n"},
      {"one key overwritten, then the other one old",
       "1 10 90 BPUT k c l d = OK ver=2\n2 20 30 PUT k e = OK ver=3\n3 40 50 GET l = NOT_FOUND\n"},
      {"an unknown one with two versions",
       "1 10 - BPUT k c l d = UNKNOWN\n2 20 30 GET k = VALUE c ver=2\n"
       "3 20 30 GET l = VALUE d ver=3\n"},
  };
  for (const Known& known : good) expect_good(known);
  for (const Known& known : bad) {
    CAPTURE(known.story);
    const History history = history_of(known);
    CHECK(check(history).verdict == Verdict::kViolation);
    // Nothing is wrong with any single key.
    CHECK(verdict_of_search(history) == Verdict::kLinearizable);
  }
}

TEST_CASE("weaker reads are held to what they promise") {
  const std::string writes =
      "1 0 1 PUT k a = OK ver=1\n1 2 3 PUT k b = OK ver=2\n1 4 5 PUT l c = OK ver=3\n"
      "1 6 7 DEL l = OK ver=4\n3 8 - PUT m d = UNKNOWN\n";
  const Known good[] = {
      {"any old value", "2 10 11 GET k read=stale = VALUE a ver=1\n"},
      {"nothing yet", "2 10 11 GET k read=session = NOT_FOUND\n"},
      {"an old value, to a client that knows nothing newer",
       "2 10 11 GET k read=session = VALUE a ver=1\n2 12 13 GET k read=session = VALUE b ver=2\n"},
      {"less than its own write that returns at that moment",
       "1 3 11 GET k read=session = VALUE a ver=1\n"},
      {"its own write", "1 10 11 GET k read=session = VALUE b ver=2\n"},
      {"a value deleted meanwhile, and then nothing",
       "2 10 11 GET l read=session = VALUE c ver=3\n2 12 13 GET l read=session = NOT_FOUND\n"},
      {"an unknown write", "2 10 11 GET m read=session = VALUE d ver=5\n"},
  };
  const Known bad[] = {
      {"less than its own write", "1 10 11 GET k read=session = VALUE a ver=1\n"},
      {"not even its own write", "1 10 11 GET k read=session = NOT_FOUND\n"},
      {"back behind an earlier read",
       "2 10 11 GET k read=session = VALUE b ver=2\n2 12 13 GET k read=session = VALUE a ver=1\n"},
      {"back behind what it saw of another key",
       "2 10 11 GET l read=session = VALUE c ver=3\n2 12 13 GET k read=session = VALUE a ver=1\n"},
      {"a deleted value comes back to who deleted it",
       "1 10 11 GET l read=session = VALUE c ver=3\n"},
      {"a value never written", "2 10 11 GET k read=stale = VALUE x ver=1\n"},
      {"a value under another version", "2 10 11 GET k read=stale = VALUE a ver=2\n"},
      {"a version nobody has", "2 10 11 GET k read=stale = VALUE a ver=9\n"},
      {"a key nobody wrote", "2 10 11 GET n read=stale = VALUE a ver=1\n"},
      {"what comes later", "2 1 3 GET l read=stale = VALUE c ver=3\n"},
      {"what an unknown write brings later", "2 6 7 GET m read=stale = VALUE d ver=5\n"},
  };
  for (const Known& known : good) {
    const std::string lines = writes + known.lines;
    CAPTURE(known.story);
    const Report report = check(history_of({known.story, lines}));
    CHECK_MESSAGE(report.verdict == Verdict::kLinearizable, describe(report));
  }
  for (const Known& known : bad) {
    const std::string lines = writes + known.lines;
    CAPTURE(known.story);
    CHECK(check(history_of({known.story, lines})).verdict == Verdict::kViolation);
  }
}
