#include <ostream>

#include <doctest/doctest.h>

#include "raft/core.h"
#include "unit/raft/support/net.h"

using kv::raft::Append;
using kv::raft::Message;
using kv::raft::Net;
using kv::raft::node;
using kv::raft::Position;
using kv::raft::Progress;
using kv::raft::Role;
using kv::raft::Seq;
using kv::raft::Snapshot;

namespace {

void compact(Net& net, std::uint64_t number, Seq seq) {
  net.core(number).compacted(seq);
  net.member(number).log.compact(seq);
}

// Node 3 missed what nodes 1 and 2 do not have any more.
struct Laggard {
  Laggard() {
    net.elect(1);
    net.cut(3);
    for (int i = 0; i < 6; ++i) net.write(1);
    compact(net, 1, 5);
    net.heal(3);
    net.pass(1, Net::kElection / 10);
  }
  // Settles but for the snapshot, which is given back.
  Message settle_but_snapshot() {
    std::vector<Message> snapshots;
    for (int turn = 0; turn < 100 && snapshots.empty(); ++turn) {
      snapshots = net.grab_all<Snapshot>();
      if (net.mail.empty() || !snapshots.empty()) break;
      const Message message = net.mail.front();
      net.mail.erase(net.mail.begin());
      net.deliver(message);
    }
    REQUIRE(snapshots.size() == 1);
    return snapshots[0];
  }
  const Progress& progress() { return net.core(1).peers().at(node(3)); }
  Net net{3};
};

}  // namespace

TEST_CASE_FIXTURE(Laggard,
                  "a follower below the floor gets the state, then the records behind it") {
  const Message message = settle_but_snapshot();
  CHECK(std::get<Snapshot>(message.body).point.seq == 5);
  CHECK(progress().state == Progress::State::kSnapshot);
  net.deliver(message);
  net.settle();
  CHECK(net.member(3).installs == 1);
  CHECK(net.core(3).last() == net.core(1).last());
  CHECK(net.core(3).commit() == net.core(1).commit());
  CHECK(net.member(3).log.floor().seq == 5);
  CHECK(progress().state == Progress::State::kReplicate);
}

TEST_CASE_FIXTURE(Laggard, "while it is sent nothing else is, but heartbeats") {
  settle_but_snapshot();
  net.settle();
  net.append_unsent(1);
  net.pass(1, Net::kElection / 10);
  for (const Message& message : net.grab_all<Append>()) {
    if (message.to == node(3)) CHECK(std::get<Append>(message.body).entries.empty());
  }
  CHECK(net.core(1).role() == Role::kLeader);
}

TEST_CASE_FIXTURE(Laggard, "one that failed is begun anew, once the peer asks for it") {
  const Message first = settle_but_snapshot();
  net.settle();
  const auto round = std::get<Snapshot>(first.body).round;
  SUBCASE("which it does when it is asked") {
    net.core(1).snapshot_ended(node(3), round);
    net.take(1);
    const Message again = settle_but_snapshot();
    net.settle();
    net.core(1).snapshot_ended(node(3), round);
    CHECK(progress().state == Progress::State::kSnapshot);
    net.deliver(again);
    net.settle();
    CHECK(net.core(3).last() == net.core(1).last());
  }
  SUBCASE("and not while it cannot be reached") {
    net.cut(3);
    net.core(1).snapshot_ended(node(3), round);
    for (int i = 0; i < 20; ++i) {
      net.pass(1, Net::kElection / 10);
      CHECK(net.grab_all<Snapshot>().empty());
      net.settle();
    }
    CHECK(progress().state == Progress::State::kProbe);
    net.heal(3);
    net.pass(1, Net::kElection / 10);
    net.deliver(settle_but_snapshot());
    net.settle();
    CHECK(net.core(3).last() == net.core(1).last());
  }
}

TEST_CASE_FIXTURE(Laggard, "one that was received needs no other, whatever became of the answers") {
  const Message message = settle_but_snapshot();
  net.settle();
  net.deliver(message);
  net.drop_mail();
  REQUIRE(net.member(3).installs == 1);
  SUBCASE("the next heartbeat finds out") { net.pass(1, Net::kElection / 10); }
  SUBCASE("even when the floor moved meanwhile") {
    net.write(1);
    compact(net, 1, 7);
    net.drop_mail();
    net.pass(1, Net::kElection / 10);
  }
  SUBCASE("or the end of sending does") {
    net.core(1).snapshot_ended(node(3), std::get<Snapshot>(message.body).round);
  }
  net.settle();
  CHECK(progress().state == Progress::State::kReplicate);
  CHECK(net.core(3).last() == net.core(1).last());
}

TEST_CASE("nobody gets a snapshot who does not answer") {
  kv::raft::Settings settings;
  settings.append_records_max = 1;
  settings.inflight_messages_max = 1;
  Net net(3, 0, settings);
  net.elect(1);
  net.cut(3);
  SUBCASE("one that is looked for") {
    for (int i = 0; i < 6; ++i) net.write(1);
    net.heal(3);
    net.pass(1, Net::kElection / 10);
    for (const Message& message : net.grab_all<Append>()) {
      if (message.to == node(3)) net.deliver(message);
    }
    for (const Message& message : net.grab_all<kv::raft::AppendReply>()) net.deliver(message);
    REQUIRE(net.core(1).peers().at(node(3)).state == Progress::State::kProbe);
    net.cut(3);
  }
  SUBCASE("one that records are sent to") {
    for (int i = 0; i < 6; ++i) net.write(1);
    REQUIRE(net.core(1).peers().at(node(3)).next <= 5);
    REQUIRE(net.core(1).peers().at(node(3)).state == Progress::State::kReplicate);
  }
  compact(net, 1, 5);
  for (int i = 0; i < 5; ++i) {
    net.pass(1, Net::kElection / 10);
    CHECK(net.grab_all<Snapshot>().empty());
    net.settle();
  }
  net.heal(3);
  net.pass(1, Net::kElection / 10);
  net.settle();
  CHECK(net.member(3).installs == 1);
  CHECK(net.core(3).last() == net.core(1).last());
}

TEST_CASE_FIXTURE(Laggard, "one that comes late or twice replaces nothing") {
  const Message message = settle_but_snapshot();
  net.deliver(message);
  net.settle();
  net.write(1);
  net.deliver(message);
  net.settle();
  CHECK(net.member(3).installs == 1);
  CHECK(net.core(3).last() == net.core(1).last());
}

TEST_CASE_FIXTURE(Laggard, "it is acknowledged when it is durable") {
  const Message message = settle_but_snapshot();
  net.settle();
  net.member(3).is_disk_held = true;
  net.deliver(message);
  net.settle();
  CHECK(progress().match < 5);
  net.sync_log(3);
  net.settle();
  CHECK(progress().match >= 5);
}

TEST_CASE_FIXTURE(Laggard, "records given up while a snapshot is on its way to the disk are none") {
  const Message message = settle_but_snapshot();
  net.settle();
  net.member(3).is_disk_held = true;
  net.deliver(message);
  net.core(3).compacted(1);
  net.core(3).compacted(5);
  net.sync_log(3);
  net.settle();
  CHECK(net.core(3).last() == net.core(1).last());
}

TEST_CASE("a log that has the snapshot's last record is kept") {
  Net net(3);
  net.elect(1);
  for (int i = 0; i < 6; ++i) net.write(1);
  net.crash(2);
  net.start(2);
  REQUIRE(net.core(2).commit() < 5);
  const auto config = std::make_shared<const kv::raft::Config>(net.core(1).config());
  net.deliver({.from = node(1),
               .to = node(2),
               .term = 1,
               .body = Snapshot{.point = net.member(1).log.point_at(5), .config = config}});
  CHECK(net.member(2).installs == 0);
  CHECK(net.core(2).last().seq == 7);
  CHECK(net.core(2).commit() == 5);
}

TEST_CASE(
    "a snapshot that contradicts a record of its term is not installed, and somebody is told") {
  Net net(3);
  net.elect(1);
  for (int i = 0; i < 6; ++i) net.write(1);
  net.crash(2);
  net.start(2);
  REQUIRE(net.core(2).commit() < 5);
  auto point = net.member(1).log.point_at(5);
  point.chain += 1;
  const auto config = std::make_shared<const kv::raft::Config>(net.core(1).config());
  net.deliver({.from = node(1),
               .to = node(2),
               .term = 1,
               .body = Snapshot{.point = point, .config = config, .round = 1}});
  CHECK(net.member(2).installs == 0);
  CHECK(net.core(2).is_quarantined());
  REQUIRE(net.member(2).alarms.size() == 1);
  CHECK(net.member(2).alarms[0].theirs == point);
}

TEST_CASE("a snapshot with members that cannot be is not installed") {
  Net net(3);
  net.elect(1);
  kv::raft::Config config = net.core(1).config();
  SUBCASE("a voter twice") { config.voters.push_back(node(3)); }
  SUBCASE("a voter that is a learner, too") { config.learners = {node(2)}; }
  SUBCASE("nobody votes") { config.voters.clear(); }
  const auto before = net.core(2).last();
  net.deliver({.from = node(1),
               .to = node(2),
               .term = 1,
               .body = Snapshot{.point = {.term = 1, .seq = 9, .chain = 5},
                                .config = std::make_shared<const kv::raft::Config>(config),
                                .round = 9}});
  CHECK(net.member(2).installs == 0);
  CHECK(net.core(2).last() == before);
}

TEST_CASE("a tail that is not the leader's goes with the state it belonged to") {
  Net net(3);
  net.elect(1);
  net.cut(1);
  for (int i = 0; i < 9; ++i) net.append_unsent(1);
  net.take(1);
  net.drop_mail();
  net.elect(2);
  for (int i = 0; i < 5; ++i) net.write(2);
  compact(net, 2, 6);
  net.heal(1);
  net.pass(2, Net::kElection / 10);
  net.settle();
  CHECK(net.member(1).installs == 1);
  CHECK(net.core(1).last() == net.core(2).last());
  CHECK(net.member(1).log.written().last_seq() == net.core(2).last().seq);
}

TEST_CASE("what a node acknowledged before it lost records counts no more when it comes late") {
  Net net(3);
  net.elect(1);
  net.cut(3);
  for (int i = 0; i < 3; ++i) net.write(1);
  net.pass(1, Net::kElection / 10);
  for (const Message& message : net.grab_all<Append>()) net.deliver(message);
  const auto late = net.grab_all<kv::raft::AppendReply>();
  REQUIRE(late.size() == 1);
  REQUIRE(std::get<kv::raft::AppendReply>(late[0].body).durable == 4);
  net.crash(2);
  net.member(2).stable.claimed_last = {.term = 1, .seq = 4};
  net.member(2).log.damage_from(3);
  net.start(2);
  net.member(2).is_disk_held = true;
  net.pass(1, Net::kElection / 10);
  net.settle();
  const auto& progress = net.core(1).peers().at(node(2));
  REQUIRE(progress.match == 2);
  net.deliver(late[0]);
  CHECK(progress.match == 2);
}

TEST_CASE("a node that lost records votes by what it had, and campaigns when it has them again") {
  Net net(3);
  net.elect(1);
  for (int i = 0; i < 5; ++i) net.write(1);
  net.crash(2);
  net.member(2).stable.claimed_last = {.term = 1, .seq = 6};
  net.member(2).log.damage_from(3);
  net.start(2);
  net.pass(2, 3 * Net::kElection);
  CHECK(net.core(2).is_damaged());
  CHECK(net.mail.empty());
  const auto vote = [&](Position last) {
    net.drop_mail();
    net.deliver({.from = node(3),
                 .to = node(2),
                 .term = 1,
                 .body = kv::raft::PrevoteRequest{.last = last}});
    return std::get<kv::raft::PrevoteReply>(net.mail.at(0).body).is_granted;
  };
  CHECK_FALSE(vote({.term = 1, .seq = 5}));
  CHECK(vote({.term = 1, .seq = 6}));
  net.drop_mail();
  net.pass(1, Net::kElection / 10);
  net.settle();
  CHECK(net.core(2).last().seq == 6);
  CHECK_FALSE(net.core(2).is_damaged());
  CHECK(net.member(2).stable.claimed_last == Position{});
  CHECK(net.core(1).peers().at(node(2)).match == 6);
  net.elect(2);
}
