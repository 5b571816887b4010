#include "engine/space_guard.h"

#include <doctest/doctest.h>

using kv::SpaceState;
using kv::engine::SpaceGuard;

namespace {
constexpr std::uint64_t kSegment = 1 << 20;
constexpr std::uint64_t kTotal = 1 << 30;
}  // namespace

TEST_CASE("puts may take what lies above the reserve, and nothing below it") {
  SpaceGuard guard(1000);
  CHECK_FALSE(guard.note({5000, kTotal}, kSegment, false));
  CHECK(guard.state() == SpaceState::kNormal);
  CHECK(guard.room() == 4000);
  CHECK(guard.note({999, kTotal}, kSegment, false));
  CHECK(guard.state() == SpaceState::kFull);
  CHECK(guard.room() == 0);
  CHECK(guard.note({249, kTotal}, kSegment, false));
  CHECK(guard.state() == SpaceState::kMergesOnly);
}

TEST_CASE("a full disk has room again only somewhat above the reserve") {
  SpaceGuard guard(1000);
  guard.note({900, kTotal}, kSegment, false);
  CHECK_FALSE(guard.note({1249, kTotal}, kSegment, false));
  CHECK(guard.state() == SpaceState::kFull);
  CHECK(guard.note({1250, kTotal}, kSegment, false));
  CHECK(guard.state() == SpaceState::kNormal);
  CHECK(guard.room() == 250);
}

TEST_CASE("the reserve is two segments, and never much of a small disk") {
  CHECK(SpaceGuard::default_reserve({0, kTotal}, kSegment) == 2 * kSegment);
  CHECK(SpaceGuard::default_reserve({0, 8 * kSegment}, kSegment) == kSegment);
  SpaceGuard guard(0);
  guard.note({kTotal, kTotal}, kSegment, false);
  CHECK(guard.reserve() == 2 * kSegment);
}

TEST_CASE("a write that found too little room makes the disk full, however much is left") {
  SpaceGuard guard(1000);
  CHECK(guard.note({1100, kTotal}, kSegment, true));
  CHECK(guard.state() == SpaceState::kFull);
  CHECK_FALSE(guard.note({1200, kTotal}, kSegment, false));
  CHECK(guard.note({1250, kTotal}, kSegment, false));
  // Far from full: it was one write larger than all the room.
  CHECK_FALSE(guard.note({9000, kTotal}, kSegment, true));
  CHECK(guard.state() == SpaceState::kNormal);
}
