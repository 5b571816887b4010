#include "raft/rounds.h"

#include <ostream>

#include <doctest/doctest.h>

using kv::raft::Rounds;

TEST_CASE("a round is known by when it began") {
  Rounds rounds({.boot_us = 1, .raw_us = 1});
  CHECK(rounds.begin({.boot_us = 5, .raw_us = 5}) == 2);
  CHECK(rounds.begin({.boot_us = 9, .raw_us = 9}) == 3);
  CHECK(rounds.stamp_of(2)->boot_us == 5);
  CHECK_FALSE(rounds.stamp_of(4).has_value());
  rounds.forget_before(3);
  CHECK_FALSE(rounds.stamp_of(2).has_value());
  CHECK(rounds.stamp_of(3)->boot_us == 9);
  rounds.forget_before(99);
  CHECK(rounds.stamp_of(3).has_value());
}

TEST_CASE("only so many rounds are remembered, the newest ones") {
  Rounds rounds({});
  for (std::uint64_t i = 0; i < 2 * Rounds::kRoundsMax; ++i) rounds.begin({.boot_us = i});
  CHECK_FALSE(rounds.stamp_of(rounds.current() - Rounds::kRoundsMax).has_value());
  CHECK(rounds.stamp_of(rounds.current() - Rounds::kRoundsMax + 1).has_value());
}
