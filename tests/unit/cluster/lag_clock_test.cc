#include "cluster/lag_clock.h"

#include <chrono>

#include <doctest/doctest.h>

using kv::cluster::LagClock;
using std::chrono::seconds;

namespace {

LagClock::Time at(int second) { return LagClock::Time(seconds(second)); }

}  // namespace

TEST_CASE("who has all of the log is behind by nothing") {
  LagClock clock;
  CHECK(clock.behind(0, at(1)).records == 0);
  clock.note(10, 1000, at(1));
  const auto lag = clock.behind(10, at(9));
  CHECK(lag.records == 0);
  CHECK(lag.bytes == 0);
  CHECK(lag.age.count() == 0);
}

TEST_CASE("the lag is what came since, and how long ago that began") {
  LagClock clock;
  clock.note(10, 1000, at(1));
  clock.note(20, 1500, at(2));
  clock.note(30, 1700, at(3));
  const auto one = clock.behind(20, at(5));
  CHECK(one.records == 10);
  CHECK(one.bytes == 200);
  CHECK(one.age == seconds(2));
  const auto more = clock.behind(15, at(5));
  CHECK(more.records == 15);
  CHECK(more.age == seconds(3));
  // From before the first sample: since then at least.
  CHECK(clock.behind(0, at(5)).age == seconds(4));
}

TEST_CASE("a log that stands still makes nobody older") {
  LagClock clock;
  clock.note(10, 1000, at(1));
  clock.note(10, 1000, at(100));
  clock.note(11, 1100, at(101));
  CHECK(clock.behind(10, at(102)).age == seconds(1));
}

TEST_CASE("what was rolled back is no lag") {
  LagClock clock;
  clock.note(10, 1000, at(1));
  clock.note(20, 2000, at(2));
  clock.note(12, 2000, at(3));
  CHECK(clock.behind(12, at(4)).records == 0);
  CHECK(clock.behind(10, at(4)).records == 2);
}
