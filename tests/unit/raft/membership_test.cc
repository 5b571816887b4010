#include <ostream>

#include <doctest/doctest.h>

#include "raft/core.h"
#include "unit/raft/support/net.h"

using kv::raft::ConfigChange;
using kv::raft::Message;
using kv::raft::Net;
using kv::raft::node;
using kv::raft::Refusal;
using kv::raft::Role;

namespace {

auto change(Net& net, std::uint64_t leader, ConfigChange::Kind kind, std::uint64_t number) {
  return net.core(leader).change_config({.kind = kind, .node = node(number)});
}
using Kind = ConfigChange::Kind;

// Node `number` follows closely for long enough.
void catch_up(Net& net, std::uint64_t leader) {
  for (int i = 0; i < 6; ++i) {
    net.pass(leader, Net::kElection / 10);
    net.settle();
  }
}

}  // namespace

TEST_CASE("a node comes in as a learner: it gets the log and has no vote") {
  Net net(3, 1);
  net.elect(1);
  net.write(1);
  CHECK(change(net, 1, Kind::kAddLearner, 4).has_value());
  CHECK(net.core(1).config().is_learner(node(4)));
  net.settle();
  CHECK(net.core(4).last() == net.core(1).last());
  CHECK(net.core(4).config().is_learner(node(4)));
  SUBCASE("nor does it campaign") {
    net.pass(4, 5 * Net::kElection);
    CHECK(net.core(4).role() == Role::kFollower);
    CHECK(net.mail.empty());
  }
  SUBCASE("nor does its disk count") {
    net.cut(2);
    net.cut(3);
    const auto commit = net.core(1).commit();
    net.write(1);
    CHECK(net.core(4).durable() == net.core(1).last().seq);
    CHECK(net.core(1).commit() == commit);
  }
}

TEST_CASE("a learner votes once it kept up for a while, and not before") {
  Net net(3, 1);
  net.elect(1);
  CHECK(change(net, 1, Kind::kAddLearner, 4).has_value());
  net.settle();
  CHECK(change(net, 1, Kind::kPromote, 4).error() == Refusal::kNotCaughtUp);
  catch_up(net, 1);
  CHECK(change(net, 1, Kind::kPromote, 4).has_value());
  CHECK(net.core(1).config().voters.size() == 4);
  CHECK(net.core(1).config().majority() == 3);
  net.settle();
  CHECK(net.core(4).config().is_voter(node(4)));
}

TEST_CASE("a learner that kept up and fell silent does not get a vote") {
  Net net(3, 1);
  net.elect(1);
  CHECK(change(net, 1, Kind::kAddLearner, 4).has_value());
  net.settle();
  catch_up(net, 1);
  net.pass(1, Net::kElection / 10);
  std::vector<Message> echoes;
  for (const Message& message : net.grab_all<kv::raft::Append>()) net.deliver(message);
  for (const Message& message : net.grab_all<kv::raft::AppendReply>()) {
    if (message.from == node(4)) echoes.push_back(message);
    net.deliver(message);
  }
  REQUIRE(echoes.size() == 1);
  bool comes_again = false;
  SUBCASE("at all") {}
  SUBCASE("but for what it said before, which comes again") { comes_again = true; }
  net.cut(4);
  for (int i = 0; i < 30; ++i) {
    net.pass(1, Net::kElection / 10);
    net.settle();
    if (comes_again && i == 15) net.core(1).step(echoes[0]);
  }
  net.heal(4);
  CHECK(change(net, 1, Kind::kPromote, 4).error() == Refusal::kNotCaughtUp);
  catch_up(net, 1);
  CHECK(change(net, 1, Kind::kPromote, 4).has_value());
}

TEST_CASE("members change one at a time") {
  Net net(5);
  net.elect(1);
  CHECK(change(net, 1, Kind::kRemove, 5).has_value());
  CHECK(change(net, 1, Kind::kRemove, 4).error() == Refusal::kConfigPending);
  net.settle();
  CHECK(change(net, 1, Kind::kRemove, 4).has_value());
}

// Ongaro on raft-dev, July 2015.
TEST_CASE("a leader changes no members before a record of its term is committed") {
  Net net(4);
  net.pass(1, 2 * Net::kElection);
  while (net.core(1).role() != Role::kLeader) {
    REQUIRE_FALSE(net.mail.empty());
    const Message message = net.mail.front();
    net.mail.erase(net.mail.begin());
    net.deliver(message);
  }
  CHECK(change(net, 1, Kind::kRemove, 4).error() == Refusal::kNotReady);
  net.settle();
  CHECK(change(net, 1, Kind::kRemove, 4).has_value());
}

TEST_CASE("a configuration counts from when it is appended") {
  Net net(2);
  net.elect(1);
  net.cut(2);
  CHECK(change(net, 1, Kind::kRemove, 2).has_value());
  net.settle();
  CHECK(net.core(1).commit() == 2);
  CHECK(net.core(1).config().is_only_voter(node(1)));
}

TEST_CASE("a configuration that another leader overrides never was") {
  Net net(3, 1);
  net.elect(1);
  net.cut(1);
  CHECK(change(net, 1, Kind::kAddLearner, 4).has_value());
  net.take(1);
  net.drop_mail();
  CHECK(net.core(1).config().is_learner(node(4)));
  net.elect(2);
  net.heal(1);
  net.pass(2, Net::kElection / 10);
  net.settle();
  CHECK(net.core(1).last() == net.core(2).last());
  CHECK_FALSE(net.core(1).config().is_member(node(4)));
}

TEST_CASE("a leader that removes itself leads until that is committed, and is not counted") {
  Net net(3);
  net.elect(1);
  CHECK(change(net, 1, Kind::kRemove, 1).has_value());
  net.take(1);
  CHECK(net.core(1).role() == Role::kLeader);
  net.cut(3);
  net.settle();
  // Node 2 alone is no majority of 2 and 3.
  CHECK(net.core(1).role() == Role::kLeader);
  net.heal(3);
  net.pass(1, Net::kElection / 10);
  net.settle();
  CHECK(net.core(1).role() == Role::kFollower);
  net.pass(1, 5 * Net::kElection);
  CHECK(net.core(1).role() == Role::kFollower);
  net.elect(2);
}

TEST_CASE("who is removed may still be needed while nobody else knows") {
  Net net(2);
  net.elect(1);
  net.cut(2);
  CHECK(change(net, 1, Kind::kRemove, 1).has_value());
  net.take(1);
  net.drop_mail();
  net.crash(1);
  net.start(1);
  net.pass(1, 2 * Net::kElection);
  net.heal(2);
  // Node 2 lacks the record and cannot win; node 1 is no voter of its newest configuration, wins,
  // and lets go once the record is committed.
  net.pass(2, Net::kElection);
  net.drop_mail();
  net.pass(1, 2 * Net::kElection);
  net.settle();
  CHECK(net.core(1).commit() == net.core(1).last().seq);
  CHECK(net.core(1).role() == Role::kFollower);
  CHECK(net.core(2).last() == net.core(1).last());
  CHECK(net.core(2).config().is_only_voter(node(2)));
}

// Found by the simulator: to stand alone in a configuration that is only appended ends no promise.
TEST_CASE("the last one left waits until the leader that removed itself must have let go") {
  Net net(2);
  net.elect(1);
  CHECK(change(net, 1, Kind::kRemove, 1).has_value());
  net.take(1);
  for (const Message& message : net.grab_all<kv::raft::Append>()) net.deliver(message);
  REQUIRE(net.core(2).config().is_only_voter(node(2)));
  net.drop_mail();
  net.pass(2, Net::kElection / 2);
  CHECK(net.core(2).role() == Role::kFollower);
  net.pass(2, 2 * Net::kElection);
  CHECK(net.core(2).role() == Role::kLeader);
}

TEST_CASE("nobody is removed without whom the rest would stand still, unless by force") {
  Net net(4);
  net.elect(1);
  net.write(1);
  net.cut(4);
  for (int i = 0; i < 12; ++i) {
    net.pass(1, Net::kElection / 10);
    net.settle();
  }
  // Of 1, 3 and 4 only 4 is silent; of 1 and 4 too few would be left.
  CHECK(change(net, 1, Kind::kRemove, 2).has_value());
  net.settle();
  CHECK(net.core(1).config().voters.size() == 3);
  CHECK(change(net, 1, Kind::kRemove, 3).error() == Refusal::kNoMajority);
  SUBCASE("who is silent may go") {
    CHECK(change(net, 1, Kind::kRemove, 4).has_value());
    net.settle();
    CHECK(net.core(1).commit() == net.core(1).last().seq);
  }
  SUBCASE("a leader may not go either") {
    CHECK(change(net, 1, Kind::kRemove, 1).error() == Refusal::kNoMajority);
  }
  SUBCASE("once the silent one is heard again, others may") {
    net.heal(4);
    net.pass(1, Net::kElection / 10);
    net.settle();
    CHECK(change(net, 1, Kind::kRemove, 3).has_value());
  }
  SUBCASE("force does it, and nothing is committed") {
    CHECK(net.core(1)
              .change_config({.kind = Kind::kRemove, .node = node(3), .is_forced = true})
              .has_value());
    net.settle();
    CHECK(net.core(1).commit() < net.core(1).last().seq);
  }
}

TEST_CASE("changes that make no sense are refused") {
  Net net(1, 1);
  CHECK(change(net, 1, Kind::kRemove, 1).error() == Refusal::kInvalid);
  CHECK(change(net, 1, Kind::kRemove, 9).error() == Refusal::kInvalid);
  CHECK(change(net, 1, Kind::kAddLearner, 1).error() == Refusal::kInvalid);
  CHECK(change(net, 1, Kind::kPromote, 2).error() == Refusal::kInvalid);
  CHECK(change(net, 2, Kind::kAddLearner, 3).error() == Refusal::kNotLeader);
}
