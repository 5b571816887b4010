#include "raft/core.h"

#include <ostream>

#include <doctest/doctest.h>

#include "raft/disk_watch.h"
#include "unit/raft/support/net.h"

using kv::raft::AppendReply;
using kv::raft::Core;
using kv::raft::DiskWatch;
using kv::raft::Instant;
using kv::raft::Net;
using kv::raft::node;
using kv::raft::Role;

TEST_CASE("a copy goes on like the original, on a log of its own") {
  Net net(3);
  net.elect(1);
  net.append_unsent(1);
  kv::sim::MemoryLog log = net.member(1).log;
  Core copy(net.core(1), log);
  CHECK(copy.fingerprint() == net.core(1).fingerprint());
  const auto ours = net.core(1).take_ready();
  const auto theirs = copy.take_ready();
  REQUIRE(ours.messages.size() == theirs.messages.size());
  for (std::size_t i = 0; i < ours.messages.size(); ++i) {
    CHECK(describe(ours.messages[i]) == describe(theirs.messages[i]));
  }
  CHECK(copy.fingerprint() == net.core(1).fingerprint());
  CHECK(copy.propose({.size = 1}).has_value());
  CHECK(copy.fingerprint() != net.core(1).fingerprint());
}

TEST_CASE("a copy of a follower knows how much of the log nobody needs") {
  Net net(3);
  net.elect(1);
  const auto written = net.write(1);
  for (int round = 0; round < 2; ++round) {
    net.pass(1, Net::kElection / 10);
    net.settle();
  }
  REQUIRE(net.core(2).safe_floor() == written.seq);
  kv::sim::MemoryLog log = net.member(2).log;
  const Core copy(net.core(2), log);
  CHECK(copy.safe_floor() == written.seq);
}

TEST_CASE("messages to others and from nobody are not for us") {
  Net net(3);
  const auto before = net.core(1).fingerprint();
  const auto step = [&](std::uint64_t from, std::uint64_t to) {
    net.core(1).step({.from = node(from), .to = node(to), .term = 9, .body = AppendReply{}});
  };
  step(2, 3);
  step(1, 1);
  step(0, 1);
  CHECK(net.core(1).fingerprint() == before);
}

TEST_CASE("a log that is ahead of the hard state brings its term along, without a vote") {
  Net net(3);
  net.elect(1);
  net.crash(2);
  net.member(2).stable = {};
  net.start(2);
  CHECK(net.core(2).term() == 1);
  CHECK(net.core(2).voted_for() == kv::raft::kNoNode);
  CHECK(net.member(2).stable.term == 1);
}

TEST_CASE("clocks that go back move nothing") {
  Net net(3);
  net.elect(1);
  const auto before = net.core(2).fingerprint();
  net.core(2).tick({.boot_us = 1, .raw_us = 1});
  CHECK(net.core(2).fingerprint() == before);
}

TEST_CASE("the longest of two clocks counts for who relies, the shortest for who promised") {
  const Instant then{.boot_us = 100, .raw_us = 100};
  const Instant now{.boot_us = 150, .raw_us = 110};
  CHECK(longest_us(then, now) == 50);
  CHECK(shortest_us(then, now) == 10);
  CHECK(longest_us(now, then) == 0);
}

TEST_CASE("a disk stalls for as long as its oldest write is under way") {
  DiskWatch watch;
  CHECK(watch.stalled_us({.boot_us = 50, .raw_us = 50}) == 0);
  watch.begin(1, {.boot_us = 10, .raw_us = 10});
  watch.begin(2, {.boot_us = 30, .raw_us = 30});
  CHECK(watch.stalled_us({.boot_us = 50, .raw_us = 50}) == 40);
  watch.done(1);
  CHECK(watch.stalled_us({.boot_us = 50, .raw_us = 50}) == 20);
  watch.done(2);
  CHECK(watch.stalled_us({.boot_us = 50, .raw_us = 50}) == 0);
}

TEST_CASE("what is to be applied is told once, in order") {
  Net net(1);
  Core& core = net.core(1);
  CHECK(core.propose({.size = 1}).has_value());
  auto ready = core.take_ready();
  net.member(1).log.write(ready);
  net.sync_log(1);
  ready = core.take_ready();
  CHECK(ready.apply_first == 2);
  CHECK(ready.commit == 2);
  ready = core.take_ready();
  CHECK(ready.apply_first > ready.commit);
}

TEST_CASE("a role is told when it changes") {
  Net net(3);
  net.elect(1);
  const auto& roles = net.member(2).roles;
  REQUIRE_FALSE(roles.empty());
  CHECK(roles.back().role == Role::kFollower);
  CHECK(roles.back().leader == node(1));
  CHECK(roles.back().term == 1);
  const std::size_t told = roles.size();
  net.write(1);
  CHECK(roles.size() == told);
}
