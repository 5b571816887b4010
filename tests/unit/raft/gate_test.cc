#include <ostream>

#include <doctest/doctest.h>

#include "raft/core.h"
#include "unit/raft/support/net.h"

using kv::raft::kNoNode;
using kv::raft::Message;
using kv::raft::Net;
using kv::raft::node;
using kv::raft::PrevoteReply;
using kv::raft::PrevoteRequest;
using kv::raft::Role;
using kv::raft::TimeoutNow;
using kv::raft::VoteReply;
using kv::raft::VoteRequest;

namespace {

// No leader is heard meanwhile.
void wait_alone(Net& net, std::uint64_t number) {
  for (int i = 0; i < 60; ++i) net.pass(number, Net::kElection / 10);
}

}  // namespace

TEST_CASE("a core behind a gate never campaigns, and says that it would like to") {
  Net net(3);
  net.core(1).set_may_campaign(false);
  CHECK_FALSE(net.core(1).wants_to_lead());
  wait_alone(net, 1);
  CHECK(net.core(1).role() == Role::kFollower);
  CHECK(net.core(1).term() == 0);
  CHECK(net.mail.empty());
  CHECK(net.core(1).wants_to_lead());
  SUBCASE("until the gate opens: then its next timeout campaigns") {
    net.core(1).set_may_campaign(true);
    net.take(1);
    CHECK(net.mail.empty());
    net.pass(1, 2 * Net::kElection);
    CHECK(net.core(1).role() == Role::kPreCandidate);
    CHECK(net.core(1).wants_to_lead());
  }
  SUBCASE("or somebody asks it to") {
    REQUIRE(net.core(1).campaign().has_value());
    net.take(1);
    net.settle();
    CHECK(net.core(1).role() == Role::kLeader);
    CHECK_FALSE(net.core(1).wants_to_lead());
  }
  SUBCASE("but for a while only") {
    net.cut(2);
    net.cut(3);
    REQUIRE(net.core(1).campaign().has_value());
    net.take(1);
    net.drop_mail();
    CHECK(net.core(1).role() == Role::kPreCandidate);
    net.core(1).set_may_campaign(false);  // as before
    CHECK(net.core(1).role() == Role::kPreCandidate);
    wait_alone(net, 1);
    CHECK(net.core(1).role() == Role::kFollower);
    CHECK(net.core(1).wants_to_lead());
    net.drop_mail();
    wait_alone(net, 1);
    CHECK(net.mail.empty());
  }
  SUBCASE("and a leader that is heard ends it") {
    net.elect(2);
    CHECK(net.core(1).leader() == node(2));
    CHECK_FALSE(net.core(1).wants_to_lead());
  }
}

TEST_CASE("a core behind a gate votes and follows") {
  Net net(3);
  for (const std::uint64_t gated : {2, 3}) net.core(gated).set_may_campaign(false);
  net.elect(1);
  const auto point = net.write(1);
  for (const std::uint64_t gated : {2, 3}) {
    CAPTURE(gated);
    CHECK(net.core(gated).leader() == node(1));
    CHECK(net.core(gated).durable() == point.seq);
  }
}

TEST_CASE("a core alone behind a gate waits as well") {
  Net net(1);
  REQUIRE(net.core(1).role() == Role::kLeader);
  net.crash(1);
  net.start(1);
  net.core(1).set_may_campaign(false);
  wait_alone(net, 1);
  CHECK(net.core(1).role() == Role::kFollower);
  CHECK(net.core(1).wants_to_lead());
  net.core(1).set_may_campaign(true);
  net.pass(1, 1);
  CHECK(net.core(1).role() == Role::kLeader);
}

TEST_CASE("a gate that closes ends a pre-vote, and no election") {
  Net net(3);
  net.pass(1, 2 * Net::kElection);
  REQUIRE(net.core(1).role() == Role::kPreCandidate);
  SUBCASE("a pre-vote") {
    net.core(1).set_may_campaign(false);
    CHECK(net.core(1).role() == Role::kFollower);
    CHECK(net.core(1).wants_to_lead());
    net.settle();  // the answers come to nothing
    CHECK(net.core(1).role() == Role::kFollower);
    CHECK(net.core(1).term() == 0);
  }
  SUBCASE("an election") {
    for (const Message& message : net.grab_all<PrevoteRequest>()) net.deliver(message);
    net.deliver(net.grab_all<PrevoteReply>().front());
    REQUIRE(net.core(1).role() == Role::kCandidate);
    net.core(1).set_may_campaign(false);
    CHECK(net.core(1).role() == Role::kCandidate);
    SUBCASE("that is won") {
      net.settle();
      CHECK(net.core(1).role() == Role::kLeader);
    }
    SUBCASE("that comes to nothing") {
      net.drop_mail();
      wait_alone(net, 1);
      CHECK(net.core(1).role() == Role::kFollower);
      CHECK(net.core(1).voted_for() == node(1));  // rule E1
    }
  }
}

TEST_CASE("a leader hands over to a core behind a gate") {
  Net net(3);
  net.elect(1);
  net.core(2).set_may_campaign(false);
  REQUIRE(net.core(1).transfer(node(2)).has_value());
  net.take(1);
  net.settle();
  CHECK(net.core(2).role() == Role::kLeader);
  CHECK(net.core(1).leader() == node(2));
}

TEST_CASE("a candidate is refused once no majority can come together") {
  Net net(5);
  net.pass(1, 2 * Net::kElection);
  const auto answer = [&](std::uint64_t from, bool is_granted) {
    net.deliver(Message{.from = node(from),
                        .to = node(1),
                        .term = 0,
                        .body = PrevoteReply{.asked = 0, .is_granted = is_granted}});
  };
  CHECK_FALSE(net.core(1).is_refused());
  answer(2, false);
  answer(3, false);
  CHECK_FALSE(net.core(1).is_refused());
  answer(4, false);
  CHECK(net.core(1).is_refused());
  SUBCASE("until one of them thinks better of it") {
    answer(4, true);
    CHECK_FALSE(net.core(1).is_refused());
  }
  SUBCASE("and asks no more") {
    net.core(1).set_may_campaign(false);
    CHECK_FALSE(net.core(1).is_refused());
  }
}
