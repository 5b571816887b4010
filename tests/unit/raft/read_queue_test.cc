#include "raft/read_queue.h"

#include <ostream>

#include <doctest/doctest.h>

using kv::raft::ReadQueue;

TEST_CASE("a read is proven by the round that began after it, or a later one") {
  ReadQueue queue;
  CHECK_FALSE(queue.wants_round());
  queue.push({.id = 1});
  CHECK(queue.wants_round());
  queue.begin(5);
  CHECK_FALSE(queue.wants_round());
  queue.push({.id = 2});
  CHECK(queue.take_proven(4).empty());
  const auto proven = queue.take_proven(7);
  REQUIRE(proven.size() == 1);
  CHECK(proven[0].id == 1);
  CHECK(queue.size() == 1);
}

TEST_CASE("while many rounds are under way, reads wait for the next together") {
  ReadQueue queue;
  for (std::uint64_t round = 1; round <= ReadQueue::kRoundsMax; ++round) {
    queue.push({.id = round});
    queue.begin(round);
  }
  queue.push({.id = 100});
  queue.push({.id = 101});
  CHECK_FALSE(queue.wants_round());
  CHECK(queue.take_proven(1).size() == 1);
  CHECK(queue.wants_round());
  queue.begin(50);
  CHECK(queue.take_proven(50).size() == ReadQueue::kRoundsMax + 1);
}

TEST_CASE("a round that no read waits for is not the queue's business") {
  ReadQueue queue;
  for (std::uint64_t round = 1; round <= 100; ++round) queue.begin(round);
  queue.push({.id = 1});
  CHECK(queue.wants_round());
}
