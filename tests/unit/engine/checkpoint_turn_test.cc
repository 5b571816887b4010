#include "engine/checkpoint_turn.h"

#include <doctest/doctest.h>

using kv::engine::CheckpointTurn;
using namespace std::chrono_literals;

namespace {

constexpr CheckpointTurn::Look kDue{1000, 100, 0};
constexpr CheckpointTurn::Clock::time_point kStart{24h};

}  // namespace

TEST_CASE("a checkpoint is due once enough was sealed that the last one does not cover") {
  CheckpointTurn turn(1000);
  CHECK_FALSE(turn.has_come({999, 100, 0}, kStart));
  CHECK(turn.has_come(kDue, kStart));
  // The more keys there are, the more must have changed.
  CHECK_FALSE(turn.has_come({1000, 10'000, 0}, kStart));
  CHECK(turn.has_come({2500, 10'000, 0}, kStart));
}

TEST_CASE("a checkpoint waits for a quiet moment, but not for ever") {
  CheckpointTurn turn(1000);
  CheckpointTurn::Look busy = kDue;
  int ticks = 0;
  do {
    busy.writes += 5000;
    ticks += 1;
    REQUIRE(ticks < 10'000);
  } while (!turn.has_come(busy, kStart));
  CHECK(ticks > 100);
  CheckpointTurn other(1000);
  busy = kDue;
  busy.writes = 5000;
  CHECK_FALSE(other.has_come(busy, kStart));
  CHECK(other.has_come(busy, kStart));
}

TEST_CASE("a checkpoint that failed is tried again after a minute, and later and later") {
  CheckpointTurn turn(1000);
  auto now = kStart;
  for (const auto pause : {1min, 2min, 4min, 8min, 10min, 10min}) {
    REQUIRE(turn.has_come(kDue, now));
    turn.note_end(true, now);
    CHECK_FALSE(turn.has_come(kDue, now + 100ms));
    CHECK_FALSE(turn.has_come(kDue, now + pause - 1ms));
    now += pause;
  }
  REQUIRE(turn.has_come(kDue, now));
  turn.note_end(false, now);
  CHECK(turn.has_come(kDue, now));
  turn.note_end(true, now);
  CHECK_FALSE(turn.has_come(kDue, now + 59s));
  CHECK(turn.has_come(kDue, now + 1min));
}
