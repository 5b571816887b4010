#include "node/membership_log.h"

#include <vector>

#include <doctest/doctest.h>

#include "io/sim_file_system.h"

namespace {

using kv::format::Member;
using kv::format::MemberRole;
using kv::format::Membership;
using kv::node::config_of;
using kv::node::MembershipLog;
using kv::node::Self;
using kv::raft::NodeId;

Member member(std::uint64_t node, std::uint64_t disk, MemberRole role = MemberRole::kVoter) {
  return {node, {disk, disk}, role, "a:1", ""};
}
Membership of(std::vector<Member> members) {
  return {.election_us = 1'000'000, .members = std::move(members)};
}
const Membership founders = of({member(1, 11), member(2, 12)});
const Membership with_learner =
    of({member(1, 11), member(2, 12), member(3, 13, MemberRole::kLearner)});
const Membership with_three = of({member(1, 11), member(2, 12), member(3, 13)});

struct ThreeSteps {
  MembershipLog log{{5, founders}};
  ThreeSteps() {
    log.append(8, with_learner);
    log.append(9, with_three);
  }
};

}  // namespace

TEST_CASE_FIXTURE(ThreeSteps, "each configuration is in force from its record on") {
  CHECK(log.latest().membership == with_three);
  CHECK(log.at(5).membership == founders);
  CHECK(log.at(7).membership == founders);
  CHECK(log.at(8).membership == with_learner);
  CHECK(log.at(100).membership == with_three);
  CHECK(log.at(2).membership == founders);
}

TEST_CASE_FIXTURE(ThreeSteps, "a configuration that is taken back is in force no more") {
  CHECK_FALSE(log.truncate_from(10));
  CHECK(log.truncate_from(9));
  CHECK(log.latest().membership == with_learner);
  CHECK(log.truncate_from(6));
  CHECK(log.latest().membership == founders);
  CHECK_FALSE(log.truncate_from(6));
  log.append(7, with_three);
  CHECK(log.latest().sequence == 7);
}

TEST_CASE_FIXTURE(ThreeSteps, "what is forgotten is in force nowhere behind the place named") {
  log.forget_before(8);
  CHECK(log.all().size() == 2);
  CHECK(log.at(8).membership == with_learner);
  log.forget_before(100);
  CHECK(log.all().size() == 1);
  CHECK(log.latest().membership == with_three);
}

TEST_CASE_FIXTURE(ThreeSteps, "a record that is known already comes again after damage") {
  log.append(5, with_three);
  log.append(9, founders);
  CHECK(log.all().size() == 3);
  CHECK(log.latest().membership == with_three);
}

TEST_CASE("a disk is a member under its own name only") {
  const Self self{NodeId{2}, {12, 12}, true};
  CHECK(self.is_in(founders));
  const Self wiped{NodeId{2}, {99, 99}, true};
  CHECK_FALSE(wiped.is_in(founders));
  CHECK_FALSE(wiped.is_in(of({member(2, 0)})));
  const Self founder{NodeId{2}, {99, 99}, false};
  CHECK(founder.is_in(of({member(2, 0)})));
  CHECK_FALSE(founder.is_in(of({member(1, 0)})));
}

TEST_CASE("the core of a disk that took another's number sees another node") {
  const Self wiped{NodeId{2}, {99, 99}, true};
  const auto config = config_of(with_three, wiped);
  CHECK_FALSE(config.is_member(NodeId{2}));
  CHECK(config.voters.size() == 3);
  CHECK(config.is_well_formed());
  const Self self{NodeId{2}, {12, 12}, true};
  CHECK(config_of(with_three, self).is_voter(NodeId{2}));
}

TEST_CASE_FIXTURE(ThreeSteps, "for the core the first configuration counts as committed") {
  const Self self{NodeId{1}, {11, 11}, false};
  const auto early = log.configs(self, 3);
  REQUIRE(early.size() == 3);
  CHECK(early[0].seq == 3);
  CHECK(early[1].seq == 8);
  CHECK(early[1].config->is_learner(NodeId{3}));
  CHECK(log.configs(self, 50)[0].seq == 5);
}

TEST_CASE("a node that waits to be added takes nobody for a member") {
  kv::io::SimFileSystem fs(1);
  kv::engine::SegmentTable table(fs, 4);
  kv::engine::LogReader reader(table);
  kv::format::MembersFile file{.has_joined = true, .membership = founders};
  auto log = MembershipLog::read(file, reader, 0, 0);
  REQUIRE(log.has_value());
  CHECK(log->latest().membership == of({}));
  file.has_joined = false;
  CHECK(MembershipLog::read(file, reader, 0, 0)->latest().membership == founders);
}
