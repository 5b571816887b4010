#include <ostream>

#include <doctest/doctest.h>

#include "raft/core.h"
#include "unit/raft/support/net.h"

using kv::raft::AppendReply;
using kv::raft::kNoNode;
using kv::raft::Message;
using kv::raft::Net;
using kv::raft::node;
using kv::raft::NodeId;
using kv::raft::PrevoteReply;
using kv::raft::PrevoteRequest;
using kv::raft::Role;
using kv::raft::Term;
using kv::raft::VoteReply;
using kv::raft::VoteRequest;

TEST_CASE("a word of the leader that is no message counts like one") {
  Net net(3);
  net.elect(1);
  const auto pass_and = [&](NodeId from, Term term) {
    for (int i = 0; i < 40; ++i) {
      net.pass(2, Net::kElection / 10);
      net.core(2).heard(from, term);
    }
    return net.core(2).leader();
  };
  CHECK(pass_and(node(1), 1) == node(1));
  REQUIRE(net.core(2).leader_contact().has_value());
  CHECK(*net.core(2).leader_contact() == net.member(2).now);
  SUBCASE("of another") { CHECK(pass_and(node(3), 1) == kNoNode); }
  SUBCASE("of another term") { CHECK(pass_and(node(1), 2) == kNoNode); }
  SUBCASE("of nobody") { CHECK(pass_and(kNoNode, 1) == kNoNode); }
}

TEST_CASE("parts of a message count like a word of the leader, which is told of them") {
  Net net(3);
  net.elect(1);
  net.drop_mail();
  for (int i = 0; i < 40; ++i) {
    net.pass(2, Net::kElection / 10);
    net.core(2).heard_part(node(1), 1);
    net.take(2);
  }
  CHECK(net.core(2).leader() == node(1));
  const auto told = net.grab_all<AppendReply>();
  CHECK(told.size() == 40);
  for (const Message& message : told) {
    CHECK(message.to == node(1));
    CHECK(std::get<AppendReply>(message.body).round == 0);
  }
  SUBCASE("not of another") { net.core(2).heard_part(node(3), 1); }
  SUBCASE("not of another term") { net.core(2).heard_part(node(1), 2); }
  net.take(2);
  CHECK(net.mail.empty());
}

TEST_CASE("a node that hears nobody asks for pre-votes and keeps its term") {
  Net net(3);
  net.pass(1, 2 * Net::kElection);
  CHECK(net.core(1).role() == Role::kPreCandidate);
  CHECK(net.core(1).term() == 0);
  CHECK(net.grab_all<PrevoteRequest>().size() == 2);
  CHECK(net.mail.empty());
}

TEST_CASE("a pre-vote counts for the term that was asked about alone") {
  Net net(3);
  net.deliver(Message{.from = node(3), .to = node(1), .term = 4, .body = VoteReply{}});
  net.pass(1, 2 * Net::kElection);
  REQUIRE(net.core(1).term() == 4);
  const auto answer = [&](kv::raft::Term asked) {
    return Message{.from = node(2),
                   .to = node(1),
                   .term = 4,
                   .body = PrevoteReply{.asked = asked, .is_granted = true}};
  };
  net.deliver(answer(3));
  CHECK(net.core(1).role() == Role::kPreCandidate);
  net.deliver(answer(4));
  CHECK(net.core(1).role() == Role::kCandidate);
}

TEST_CASE("a majority of pre-votes begins an election, a majority of votes makes a leader") {
  Net net(5);
  net.pass(1, 2 * Net::kElection);
  for (const Message& message : net.grab_all<PrevoteRequest>()) {
    if (message.to <= node(3)) net.deliver(message);
  }
  const auto prevotes = net.grab_all<PrevoteReply>();
  REQUIRE(prevotes.size() == 2);
  net.deliver(prevotes[0]);
  CHECK(net.core(1).role() == Role::kPreCandidate);
  net.deliver(prevotes[1]);
  CHECK(net.core(1).role() == Role::kCandidate);
  CHECK(net.core(1).term() == 1);
  CHECK(net.core(1).voted_for() == node(1));
  for (const Message& message : net.grab_all<VoteRequest>()) {
    if (message.to <= node(3)) net.deliver(message);
  }
  const auto votes = net.grab_all<VoteReply>();
  REQUIRE(votes.size() == 2);
  net.deliver(votes[0]);
  CHECK(net.core(1).role() == Role::kCandidate);
  SUBCASE("the same vote twice is one vote") {
    net.deliver(votes[0]);
    CHECK(net.core(1).role() == Role::kCandidate);
  }
  net.deliver(votes[1]);
  CHECK(net.core(1).role() == Role::kLeader);
}

TEST_CASE("who does not answer a campaign, or says no, is asked again before it is over") {
  Net net(3);
  net.pass(1, 2 * Net::kElection);
  net.drop_mail();
  net.pass(1, Net::kElection / 10 - 1);
  CHECK(net.mail.empty());
  net.pass(1, 1);
  CHECK(net.grab_all<PrevoteRequest>().size() == 2);
  const auto refusal = [&](std::uint64_t from, bool is_granted) {
    return Message{.from = node(from),
                   .to = node(1),
                   .term = 0,
                   .body = PrevoteReply{.asked = 0, .is_granted = is_granted}};
  };
  net.deliver(refusal(2, false));
  net.deliver(refusal(2, true));
  REQUIRE(net.core(1).role() == Role::kCandidate);
  net.drop_mail();
  net.pass(1, Net::kElection / 10);
  CHECK(net.grab_all<VoteRequest>().size() == 2);
  net.pass(1, Net::kElection / 10);
  net.settle();
  CHECK(net.core(1).role() == Role::kLeader);
}

TEST_CASE("pre-votes are refused while a leader is heard, and its term stays") {
  Net net(3);
  net.elect(1);
  net.cut(3);
  net.pass(3, 2 * Net::kElection);
  net.heal(3);
  net.settle();
  CHECK(net.core(1).role() == Role::kLeader);
  CHECK(net.core(1).term() == 1);
  CHECK(net.core(3).term() == 1);
  CHECK(net.core(3).role() == Role::kPreCandidate);
}

TEST_CASE(
    "a new leader's first record is a NOOP of its term, and until it is applied it serves "
    "nothing") {
  Net net(3);
  net.member(1).is_apply_held = true;
  net.elect(1);
  CHECK(net.core(1).last().seq == 1);
  CHECK(net.core(1).last().term == 1);
  CHECK(net.core(1).commit() == 1);
  CHECK_FALSE(net.core(1).serves());
  CHECK(net.core(1).propose({.size = 1}).error() == kv::raft::Refusal::kNotReady);
  CHECK(net.core(1).read_index(1).error() == kv::raft::Refusal::kNotReady);
  net.apply(1);
  CHECK(net.core(1).serves());
  CHECK(net.core(1).propose({.size = 1}).has_value());
}

TEST_CASE("a candidate that hears the leader of its term follows it and keeps its vote") {
  Net net(3);
  net.pass(2, 2 * Net::kElection);
  for (const Message& message : net.grab_all<PrevoteRequest>()) net.deliver(message);
  for (const Message& message : net.grab_all<PrevoteReply>()) net.deliver(message);
  REQUIRE(net.core(2).role() == Role::kCandidate);
  net.drop_mail();
  // The other two agree on node 1 in the same term.
  net.pass(1, 2 * Net::kElection);
  net.drop_mail();
  const auto prevote = [&](std::uint64_t from) {
    return Message{.from = node(from),
                   .to = node(1),
                   .term = 0,
                   .body = PrevoteReply{.asked = 0, .is_granted = true}};
  };
  net.deliver(prevote(3));
  net.cut(2);
  net.settle();
  REQUIRE(net.core(1).role() == Role::kLeader);
  REQUIRE(net.core(1).term() == 1);
  net.heal(2);
  net.pass(1, Net::kElection / 5);
  net.settle();
  CHECK(net.core(2).role() == Role::kFollower);
  CHECK(net.core(2).leader() == node(1));
  CHECK(net.core(2).voted_for() == node(2));
}

TEST_CASE("a leader steps down once it hears of a higher term, and keeps nothing of its office") {
  Net net(3);
  net.elect(1);
  CHECK(net.core(1).read_index(5).has_value());
  net.deliver(Message{.from = node(2), .to = node(1), .term = 9, .body = AppendReply{}});
  CHECK(net.core(1).role() == Role::kFollower);
  CHECK(net.core(1).term() == 9);
  CHECK(net.core(1).voted_for() == kv::raft::kNoNode);
  CHECK(net.core(1).peers().empty());
  REQUIRE(net.member(1).reads.size() == 1);
  CHECK_FALSE(net.member(1).reads[0].seq.has_value());
}

TEST_CASE(
    "a leader that a majority does not answer for an election timeout steps down in its term") {
  Net net(3);
  net.elect(1);
  net.cut(1);
  for (int i = 0; i < 9; ++i) net.pass(1, Net::kElection / 10);
  CHECK(net.core(1).role() == Role::kLeader);
  net.pass(1, Net::kElection / 5);
  CHECK(net.core(1).role() == Role::kFollower);
  CHECK(net.core(1).term() == 1);
  CHECK(net.core(1).voted_for() == node(1));
}

TEST_CASE("how long ago a leader was heard is known to all") {
  Net net(3);
  CHECK_FALSE(net.core(2).leader_contact().has_value());
  net.elect(1);
  const auto age = [&](std::uint64_t number) {
    return longest_us(net.core(number).leader_contact().value(), net.member(number).now);
  };
  CHECK(age(2) == 0);
  net.cut(1);
  for (const std::uint64_t number : {1u, 2u}) net.pass(number, Net::kElection / 2);
  CHECK(age(1) == Net::kElection / 2);
  CHECK(age(2) == Net::kElection / 2);
}

TEST_CASE("one answering peer of two keeps a leader of three in office") {
  Net net(3);
  net.elect(1);
  net.cut(3);
  for (int i = 0; i < 30; ++i) {
    net.pass(1, Net::kElection / 10);
    net.settle();
  }
  CHECK(net.core(1).role() == Role::kLeader);
}

TEST_CASE("after a start a node neither votes nor campaigns until every old promise is over") {
  Net net(3);
  net.elect(1);
  net.crash(2);
  net.start(2);
  const auto ask = [&] {
    net.drop_mail();
    net.deliver(Message{.from = node(3),
                        .to = node(2),
                        .term = 2,
                        .body = VoteRequest{.last = {.term = 5, .seq = 50}}});
    return net.grab_all<VoteReply>();
  };
  CHECK(ask().empty());
  CHECK(net.core(2).term() == 1);
  net.pass(2, Net::kElection);
  CHECK(ask().empty());
  CHECK(net.core(2).role() == Role::kFollower);
  net.pass(2, Net::kElection / 9);
  const auto replies = ask();
  REQUIRE(replies.size() == 1);
  CHECK(std::get<VoteReply>(replies[0].body).is_granted);
}

TEST_CASE("the only voter leads without waiting for anybody") {
  Net net(1);
  CHECK(net.core(1).role() == Role::kLeader);
  CHECK(net.core(1).serves());
  net.crash(1);
  net.start(1);
  net.pass(1, 1);
  net.settle();
  CHECK(net.core(1).role() == Role::kLeader);
  CHECK(net.core(1).term() == 2);
}

TEST_CASE("election timeouts lie between one and two of the configured, and differ") {
  Net net(9);
  net.elect(1);
  net.settle();
  const auto campaigning = [&] {
    int count = 0;
    for (std::uint64_t number = 2; number <= 9; ++number) {
      count += net.core(number).role() == Role::kPreCandidate ? 1 : 0;
    }
    return count;
  };
  for (std::uint64_t number = 2; number <= 9; ++number) net.pass(number, Net::kElection - 1);
  CHECK(campaigning() == 0);
  for (std::uint64_t number = 2; number <= 9; ++number) net.pass(number, Net::kElection / 2);
  CHECK(campaigning() > 0);
  CHECK(campaigning() < 8);
  for (std::uint64_t number = 2; number <= 9; ++number) net.pass(number, Net::kElection / 2 + 1);
  CHECK(campaigning() == 8);
}

TEST_CASE("votes that were split cost less than an election timeout") {
  Net net(3);
  net.elect(1);
  net.write(1);
  net.crash(1);
  for (const std::uint64_t number : {2, 3}) net.pass(number, 2 * Net::kElection);
  // Each asks before it hears the other, for pre-votes and then for votes.
  while (net.core(2).role() != Role::kCandidate || net.core(3).role() != Role::kCandidate) {
    for (const Message& message : net.grab_all<PrevoteRequest>()) net.deliver(message);
    for (const Message& message : net.grab_all<PrevoteReply>()) net.deliver(message);
  }
  net.settle();
  REQUIRE(net.core(2).role() == Role::kCandidate);
  REQUIRE(net.core(3).role() == Role::kCandidate);
  REQUIRE(net.core(2).term() == net.core(3).term());
  const auto has_leader = [&] {
    return net.core(2).role() == Role::kLeader || net.core(3).role() == Role::kLeader;
  };
  std::uint64_t waited = 0;
  constexpr std::uint64_t kStep = Net::kElection / 50;
  for (; !has_leader() && waited < 4 * Net::kElection; waited += kStep) {
    net.pass(kStep);
    net.settle();
  }
  CHECK(has_leader());
  CHECK(waited >= Net::kElection / 2);
  CHECK(waited < Net::kElection);
}

TEST_CASE("who is told to campaign asks at once, and nobody votes who hears a leader") {
  using kv::raft::Refusal;
  Net net(3);
  net.elect(1);
  CHECK(net.core(1).campaign().error() == Refusal::kNotReady);
  CHECK(net.core(2).campaign().error() == Refusal::kNotReady);
  // Node 2 hears it no more, and 3 does.
  net.cut(2);
  net.pass(2, Net::kElection);
  net.heal(2);
  net.mail.clear();
  CHECK(net.core(2).campaign().has_value());
  net.settle();
  CHECK(net.core(1).role() == Role::kLeader);
  CHECK(net.core(2).role() != Role::kLeader);
  CHECK(net.core(2).term() == 1);
}

TEST_CASE("who is told to campaign leads at once where nobody hears a leader") {
  Net net(3);
  net.elect(1);
  net.settle();
  net.cut(1);
  net.pass(2, Net::kElection);
  net.pass(3, Net::kElection);
  REQUIRE(net.core(2).role() == Role::kFollower);
  CHECK(net.core(2).campaign().has_value());
  net.settle();
  CHECK(net.core(2).role() == Role::kLeader);
  CHECK(net.core(2).term() == 2);
}

TEST_CASE("who has no vote does not campaign") {
  Net net(3, 1);
  CHECK(net.core(4).campaign().error() == kv::raft::Refusal::kInvalid);
}
