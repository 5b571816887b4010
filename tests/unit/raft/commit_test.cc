#include <ostream>

#include <doctest/doctest.h>

#include "raft/core.h"
#include "unit/raft/support/net.h"

using kv::raft::Append;
using kv::raft::AppendReply;
using kv::raft::Message;
using kv::raft::Net;
using kv::raft::node;

TEST_CASE("the leader's own disk counts like any other") {
  Net net(3);
  net.elect(1);
  net.member(1).is_disk_held = true;
  net.cut(3);
  net.append_unsent(1);
  net.settle();
  // Node 2 has it, node 1 not yet.
  CHECK(net.core(2).durable() == 2);
  CHECK(net.core(1).commit() == 1);
  net.sync_log(1);
  CHECK(net.core(1).commit() == 2);
}

TEST_CASE("a majority commits without the leader's disk") {
  Net net(3);
  net.elect(1);
  net.member(1).is_disk_held = true;
  net.append_unsent(1);
  net.settle();
  CHECK(net.core(1).commit() == 2);
  CHECK(net.core(1).durable() == 1);
}

TEST_CASE("an acknowledgement counts for what is on the follower's disk") {
  Net net(3);
  net.elect(1);
  net.member(2).is_disk_held = true;
  net.cut(3);
  net.append_unsent(1);
  net.settle();
  CHECK(net.core(2).last().seq == 2);
  CHECK(net.core(1).commit() == 1);
  net.sync_log(2);
  net.settle();
  CHECK(net.core(1).commit() == 2);
}

// Thesis figure 3.7: a majority of copies does not make a record of an earlier term committed.
TEST_CASE("a record of an earlier term is committed by one of this term behind it") {
  Net net(5);
  net.elect(1);
  net.settle();
  // Of node 1's record only node 2 hears.
  net.append_unsent(1);
  net.take(1);
  for (const Message& message : net.grab_all<Append>()) {
    if (message.to == node(2)) net.deliver(message);
  }
  net.drop_mail();
  REQUIRE(net.core(2).last().seq == 2);
  net.crash(1);
  net.elect(2);
  net.drop_mail();
  REQUIRE(net.core(2).term() == 2);
  const auto next = net.core(2).last().seq;
  CHECK(next == 3);
  SUBCASE("committed with the NOOP behind it") { CHECK(net.core(2).commit() == 3); }
}

TEST_CASE("copies of an old record alone commit nothing") {
  Net net(3);
  net.elect(1);
  net.cut(1);
  net.append_unsent(1);
  net.take(1);
  net.drop_mail();
  net.crash(1);
  net.start(1);
  net.pass(1, 2 * Net::kElection);
  net.heal(1);
  net.drop_mail();
  // Node 1 leads again; its old record is 1.2, its NOOP 2.3.
  net.cut(3);
  for (const std::uint64_t number : {2u, 3u}) net.pass(number, Net::kElection);
  net.drop_mail();
  net.pass(1, 2 * Net::kElection);
  while (net.core(1).role() != kv::raft::Role::kLeader && !net.mail.empty()) {
    const Message message = net.mail.front();
    net.mail.erase(net.mail.begin());
    net.deliver(message);
  }
  REQUIRE(net.core(1).role() == kv::raft::Role::kLeader);
  REQUIRE(net.core(1).last().seq == 3);
  net.drop_mail();
  // Node 2 has the old record and not the NOOP.
  net.deliver({.from = node(2),
               .to = node(1),
               .term = net.core(1).term(),
               .body = AppendReply{.round = 1, .matched = 2, .durable = 2}});
  CHECK(net.core(1).commit() < 2);
  net.deliver({.from = node(2),
               .to = node(1),
               .term = net.core(1).term(),
               .body = AppendReply{.round = 1, .matched = 3, .durable = 3}});
  CHECK(net.core(1).commit() == 3);
}

TEST_CASE("what is committed is noted within a second, as far as it is on the disk") {
  Net net(3);
  net.elect(1);
  net.write(1);
  REQUIRE(net.member(1).stable.commit_hint < 2);
  SUBCASE("all of it") {
    for (int i = 0; i < 11; ++i) {
      net.pass(1, Net::kElection / 10);
      net.settle();
    }
    CHECK(net.member(1).stable.commit_hint == 2);
    net.crash(1);
    net.start(1);
    CHECK(net.core(1).commit() == 2);
  }
  SUBCASE("no more than the disk has, and nothing waits for the note") {
    net.member(1).is_disk_held = true;
    net.append_unsent(1);
    net.settle();
    REQUIRE(net.core(1).commit() == 3);
    for (int i = 0; i < 4; ++i) {
      net.pass(1, Net::kElection / 10);
      net.settle();
    }
    net.sync_log(1);
    net.append_unsent(1);
    net.settle();
    for (int i = 0; i < 4; ++i) {
      net.pass(1, Net::kElection / 10);
      net.settle();
    }
    net.sync_log(1);
    net.append_unsent(1);
    net.settle();
    for (int i = 0; i < 4; ++i) {
      net.pass(1, Net::kElection / 10);
      net.settle();
    }
    REQUIRE_FALSE(net.member(1).unsynced.empty());
    CHECK(net.core(1).commit() == 5);
    CHECK(net.member(1).unsynced.back().commit_hint == 4);
    net.append_unsent(1);
    net.settle();
    CHECK(net.core(1).commit() == 6);
  }
}

TEST_CASE("after a restart what is committed is what was noted, and the rest is learned") {
  Net net(3);
  net.elect(1);
  net.write(1);
  net.crash(2);
  net.start(2);
  CHECK(net.core(2).commit() < 2);
  CHECK(net.core(2).durable() == 2);
  net.pass(1, Net::kElection / 10);
  net.settle();
  CHECK(net.core(2).commit() == 2);
}

TEST_CASE("the log may be given up to where every member has it, and no further") {
  Net net(3);
  net.elect(1);
  net.settle();
  net.cut(3);
  const auto second = net.write(1);
  REQUIRE(net.core(1).commit() == second.seq);
  CHECK(net.core(1).safe_floor() == second.seq - 1);
  CHECK(net.core(2).safe_floor() < second.seq);
  net.heal(3);
  net.pass(1, Net::kElection / 10);
  net.settle();
  CHECK(net.core(1).safe_floor() == second.seq);
  // The others hear of it with the next round.
  net.pass(1, Net::kElection / 10);
  net.settle();
  CHECK(net.core(2).safe_floor() == second.seq);
  CHECK(net.core(3).safe_floor() == second.seq);
}

TEST_CASE("what is not committed is not given up, though every member has it") {
  Net net(3);
  net.elect(1);
  net.settle();
  net.member(1).is_disk_held = true;
  net.append_unsent(1);
  net.settle();
  CHECK(net.core(1).safe_floor() == net.core(1).durable());
}
