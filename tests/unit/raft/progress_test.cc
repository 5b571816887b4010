#include "raft/progress.h"

#include <ostream>

#include <doctest/doctest.h>

using kv::raft::CatchUp;
using kv::raft::Instant;
using kv::raft::Progress;

TEST_CASE("what was sent counts until the peer's disk has it") {
  Progress progress(1);
  progress.become_replicate(0, 1);
  progress.note_sent(3, 300);
  progress.note_sent(5, 200);
  CHECK(progress.next == 6);
  CHECK(progress.note_durable(4));
  CHECK(progress.inflight_messages() == 1);
  CHECK(progress.inflight_bytes() == 200);
  CHECK(progress.note_durable(5));
  CHECK(progress.inflight_bytes() == 0);
  CHECK_FALSE(progress.note_durable(5));
}

TEST_CASE("going back forgets what was on its way, not what is on the peer's disk") {
  Progress progress(1);
  progress.become_replicate(0, 1);
  progress.note_sent(9, 900);
  progress.note_durable(4);
  progress.become_probe(5, 12);
  CHECK(progress.match == 4);
  CHECK(progress.next == 5);
  CHECK(progress.inflight_messages() == 0);
  CHECK(progress.reset_round == 12);
  progress.become_replicate(2, 13);
  CHECK(progress.next == 5);
  CHECK(progress.reset_round == 13);
}

TEST_CASE("a learner has caught up after a few short rounds in a row") {
  CatchUp catch_up;
  Instant now{.boot_us = 1, .raw_us = 1};
  const auto pass = [&](std::uint64_t time_us) {
    now.boot_us += time_us;
    now.raw_us += time_us;
  };
  catch_up.update(0, 10, now);
  for (std::uint64_t round = 1; round <= 2; ++round) {
    pass(100);
    catch_up.update(10 * round, 10 * round + 10, now);
    CHECK_FALSE(catch_up.is_done(now));
  }
  SUBCASE("one that takes long does not count, nor do those before it") {
    pass(CatchUp::kRoundMaxUs);
    catch_up.update(30, 40, now);
    pass(100);
    catch_up.update(40, 50, now);
    CHECK_FALSE(catch_up.is_done(now));
  }
  SUBCASE("three do") {
    pass(100);
    catch_up.update(30, 40, now);
    CHECK(catch_up.is_done(now));
    SUBCASE("as long as it says something") {
      pass(CatchUp::kRoundMaxUs - 1);
      CHECK(catch_up.is_done(now));
      pass(1);
      CHECK_FALSE(catch_up.is_done(now));
    }
    SUBCASE("and its disk goes on") {
      for (int i = 0; i < 4; ++i) {
        pass(CatchUp::kRoundMaxUs / 4);
        catch_up.update(39, 50, now);
      }
      CHECK_FALSE(catch_up.is_done(now));
    }
  }
}
