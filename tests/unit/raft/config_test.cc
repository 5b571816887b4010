#include "raft/config.h"

#include <map>
#include <memory>
#include <ostream>

#include <doctest/doctest.h>

using kv::raft::Config;
using kv::raft::ConfigHistory;
using kv::raft::NodeId;
using kv::raft::reached_by_majority;

namespace {

Config of(const std::vector<std::uint64_t>& voters) {
  Config config;
  for (const std::uint64_t voter : voters) config.voters.push_back(NodeId{voter});
  return config;
}
std::shared_ptr<const Config> shared(const std::vector<std::uint64_t>& voters) {
  return std::make_shared<const Config>(of(voters));
}

}  // namespace

TEST_CASE("a configuration that no core could work with is recognised") {
  Config config{.voters = {NodeId{1}, NodeId{2}}, .learners = {NodeId{3}}};
  CHECK(config.is_well_formed());
  CHECK(Config().is_well_formed());
  SUBCASE("out of order") { config.voters = {NodeId{2}, NodeId{1}}; }
  SUBCASE("a node twice") { config.voters = {NodeId{2}, NodeId{2}}; }
  SUBCASE("as voter and learner") { config.learners = {NodeId{2}}; }
  SUBCASE("nobody") { config.learners = {kv::raft::kNoNode}; }
  SUBCASE("no time for heartbeats") { config.election_us = 9; }
  CHECK_FALSE(config.is_well_formed());
}

TEST_CASE("what a majority has reached is what the slower half has not yet passed") {
  const auto reached = [](std::vector<std::uint64_t> values) {
    std::vector<std::uint64_t> voters;
    for (std::uint64_t i = 0; i < values.size(); ++i) voters.push_back(i);
    return reached_by_majority(of(voters),
                               [&](NodeId node) { return values[static_cast<std::size_t>(node)]; });
  };
  CHECK(reached({}) == 0);
  CHECK(reached({7}) == 7);
  CHECK(reached({7, 3}) == 3);
  CHECK(reached({7, 3, 5}) == 5);
  CHECK(reached({9, 9, 1, 2}) == 2);
  CHECK(reached({1, 9, 8, 2, 7}) == 7);
}

TEST_CASE("the newest configuration counts, until it is overridden") {
  ConfigHistory history({{0, shared({1})}});
  history.append(4, shared({1, 2}));
  history.append(9, shared({1, 2, 3}));
  CHECK(history.latest().voters.size() == 3);
  CHECK(history.before_latest().voters.size() == 2);
  CHECK_FALSE(history.truncate_from(10));
  CHECK(history.truncate_from(9));
  CHECK(history.latest_seq() == 4);
  CHECK(history.truncate_from(2));
  CHECK(history.latest().voters.size() == 1);
  CHECK(history.before_latest().voters.size() == 1);
}

TEST_CASE("configurations before the newest committed one are forgotten") {
  ConfigHistory history({{0, shared({1})}, {4, shared({1, 2})}, {9, shared({1, 2, 3})}});
  CHECK(history.uncommitted() == 2);
  history.commit_to(3);
  CHECK(history.uncommitted() == 2);
  history.commit_to(5);
  CHECK(history.uncommitted() == 1);
  CHECK(history.first().seq == 4);
  history.commit_to(100);
  CHECK(history.uncommitted() == 0);
  CHECK(history.latest_seq() == 9);
}

TEST_CASE("a lease is shorter than a promise, and boot silence is longer") {
  const Config config = of({1});
  CHECK(config.lease_us() < config.election_us);
  CHECK(config.boot_silence_us() > config.election_us);
  CHECK(config.heartbeat_us() * 5 < config.election_us);
}
