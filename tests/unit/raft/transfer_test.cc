#include <ostream>

#include <doctest/doctest.h>

#include "raft/core.h"
#include "unit/raft/support/net.h"

using kv::raft::Net;
using kv::raft::node;
using kv::raft::Refusal;
using kv::raft::Role;
using kv::raft::TimeoutNow;

TEST_CASE("leadership goes to the one that was asked for, at once") {
  Net net(3);
  net.elect(1);
  CHECK(net.core(1).transfer(node(3)).has_value());
  net.settle();
  CHECK(net.core(3).role() == Role::kLeader);
  CHECK(net.core(3).term() == 2);
  CHECK(net.core(1).role() == Role::kFollower);
  CHECK(net.core(1).leader() == node(3));
}

TEST_CASE("it is told only once it has everything, and until then nothing new is taken") {
  Net net(3);
  net.elect(1);
  net.cut(3);
  net.write(1);
  CHECK(net.core(1).transfer(node(3)).has_value());
  net.settle();
  CHECK(net.core(3).role() == Role::kFollower);
  CHECK(net.core(1).propose({.size = 1}).error() == Refusal::kTransferring);
  CHECK(net.core(1).transfer(node(2)).error() == Refusal::kTransferring);
  net.heal(3);
  net.pass(1, Net::kElection / 10);
  net.settle();
  CHECK(net.core(3).role() == Role::kLeader);
  CHECK(net.core(3).last().seq == 3);
}

TEST_CASE("a transfer that does not come about is given up after an election timeout") {
  Net net(3);
  net.elect(1);
  net.cut(3);
  CHECK(net.core(1).transfer(node(3)).has_value());
  for (int i = 0; i < 11; ++i) {
    net.pass(1, Net::kElection / 10);
    net.settle();
  }
  CHECK(net.core(1).role() == Role::kLeader);
  CHECK(net.core(1).propose({.size = 1}).has_value());
}

TEST_CASE("who cannot lead is not asked to") {
  Net net(3, 1);
  net.elect(1);
  CHECK(net.core(1).transfer(node(1)).error() == Refusal::kInvalid);
  CHECK(net.core(1).transfer(node(4)).error() == Refusal::kInvalid);
  CHECK(net.core(2).transfer(node(3)).error() == Refusal::kNotLeader);
}

TEST_CASE("only the leader of the term can tell a node to campaign") {
  Net net(3);
  net.elect(1);
  SUBCASE("not another node") {
    net.deliver({.from = node(3), .to = node(2), .term = 1, .body = TimeoutNow{.token = 1}});
  }
  SUBCASE("not one of an earlier term") {
    net.deliver({.from = node(1), .to = node(2), .term = 0, .body = TimeoutNow{.token = 0}});
  }
  SUBCASE("not with another's token") {
    net.deliver({.from = node(1), .to = node(2), .term = 1, .body = TimeoutNow{.token = 7}});
  }
  CHECK(net.core(2).role() == Role::kFollower);
}
