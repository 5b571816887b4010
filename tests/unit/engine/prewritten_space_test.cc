#include "engine/prewritten_space.h"

#include <ostream>

#include <doctest/doctest.h>

using kv::engine::PrewrittenSpace;
using kv::format::SegmentId;

namespace {

constexpr SegmentId kFirst{1};
constexpr SegmentId kSecond{2};
constexpr std::uint64_t kFar = std::uint64_t{1} << 40;

struct Space {
  PrewrittenSpace space;
  PrewrittenSpace::Log log{kFirst, 100, kFar, 100, UINT64_MAX};

  // Up to where the file is filled when the log ends at `end`; 0: it is as it was.
  std::uint64_t fill(std::uint64_t end) {
    log.end = end;
    const auto range = space.begin(log);
    if (!range) return 0;
    CHECK(range->begin >= end);
    space.finish(true);
    return range->end;
  }
};

}  // namespace

TEST_CASE_FIXTURE(Space, "what is prewritten grows with the segment, from one block on") {
  CHECK(fill(200) == 4096);
  CHECK(fill(3000) == 0);
  CHECK(fill(4000) == 8192);
  CHECK(fill(8192) == 16384);
  CHECK(fill(100 * 4096) == 200 * 4096);
  constexpr std::uint64_t kLarge = 64 * PrewrittenSpace::kStepMax;
  CHECK(fill(kLarge) == kLarge + PrewrittenSpace::kStepMax);
  CHECK(fill(kLarge + PrewrittenSpace::kStepMax / 2) == 0);
}

TEST_CASE_FIXTURE(Space, "it begins behind what is prewritten already, and behind the log's end") {
  REQUIRE(fill(3000) == 8192);
  log.end = 8000;
  auto range = space.begin(log);
  REQUIRE(range);
  CHECK(range->begin == 8192);
  space.finish(true);
  log.end = 50'000;
  range = space.begin(log);
  REQUIRE(range);
  CHECK(range->begin == 50'000);
  space.finish(true);
}

TEST_CASE_FIXTURE(Space, "nothing is prewritten past the segment's size") {
  log.end_max = 6000;
  CHECK(fill(3000) == 6000);
  CHECK(fill(5900) == 0);
  CHECK(fill(7000) == 0);
}

TEST_CASE_FIXTURE(Space, "nor before a sync that writes much anyway") {
  log.unsynced = PrewrittenSpace::kUnsyncedMax + 1;
  CHECK(fill(3000) == 0);
}

TEST_CASE_FIXTURE(Space, "puts find the room that they were promised") {
  log.room = 8 * (8192 - 3000) - 1;
  CHECK(fill(3000) == 0);
  log.room += 8;
  CHECK(fill(3000) == 8192);
}

TEST_CASE_FIXTURE(Space, "when it fails it is given up, until the next segment") {
  REQUIRE(space.begin(log));
  space.finish(false);
  CHECK(fill(5000) == 0);
  log.segment = kSecond;
  CHECK(fill(200) == 4096);
}

TEST_CASE_FIXTURE(Space, "a write that ends behind its beginning is in its way, while it goes on") {
  CHECK_FALSE(space.is_in_the_way(kFirst, 200));
  REQUIRE(space.begin(log)->begin == 100);
  CHECK_FALSE(space.is_in_the_way(kFirst, 100));
  CHECK(space.is_in_the_way(kFirst, 101));
  CHECK_FALSE(space.is_in_the_way(kSecond, 101));
  space.finish(true);
  CHECK_FALSE(space.is_in_the_way(kFirst, 101));
}

TEST_CASE_FIXTURE(Space, "what was cut off is prewritten again") {
  REQUIRE(fill(200) == 4096);
  space.cut(kSecond, 0);
  CHECK(fill(200) == 0);
  space.cut(kFirst, 200);
  CHECK(fill(200) == 4096);
}
