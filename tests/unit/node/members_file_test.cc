#include "node/members_file.h"

#include <memory>
#include <string>

#include <doctest/doctest.h>

#include "io/sim_file_system.h"

namespace {

using kv::Errc;
using kv::base::Uuid;
using kv::format::Member;
using kv::format::MemberRole;
using kv::format::Membership;
using kv::io::CrashMode;
using kv::node::MembersFile;

constexpr std::uint64_t kDatabase = 7;
constexpr Uuid kFirst{1, 1};
constexpr Uuid kOther{2, 2};

Membership pair() {
  return {.election_us = 1'000'000,
          .members = {{1, {}, MemberRole::kVoter, "a:17400", "a:7400"},
                      {2, {}, MemberRole::kVoter, "b:17400", "b:7400"}}};
}

struct Machine {
  kv::io::SimFileSystem fs{3};
  Machine() { REQUIRE(fs.create_dir("/d").has_value()); }
  std::unique_ptr<MembersFile> create() {
    auto made = MembersFile::create(fs, "/d", kDatabase, pair());
    REQUIRE(made.has_value());
    return std::move(*made);
  }
  std::unique_ptr<MembersFile> open() {
    auto opened = MembersFile::open(fs, "/d", kDatabase);
    REQUIRE_MESSAGE(opened.has_value(), (opened ? "" : describe(opened.error())));
    return std::move(*opened);
  }
  Errc code_of_open(std::uint64_t database = kDatabase) {
    const auto opened = MembersFile::open(fs, "/d", database);
    REQUIRE_FALSE(opened);
    return opened.error().code;
  }
};

}  // namespace

TEST_CASE_FIXTURE(Machine, "a member's disk is the one it came with first, also after a restart") {
  auto file = create();
  CHECK(file->is_disk_of(1, kFirst).value());
  CHECK(file->is_disk_of(1, kFirst).value());
  CHECK_FALSE(file->is_disk_of(1, kOther).value());
  CHECK_FALSE(file->is_disk_of(9, kFirst).value());
  file = open();
  CHECK_FALSE(file->is_disk_of(1, kOther).value());
  CHECK(file->is_disk_of(1, kFirst).value());
  CHECK(file->is_disk_of(2, kOther).value());
}

TEST_CASE_FIXTURE(Machine, "members move, and keep their disks") {
  auto file = create();
  REQUIRE(file->is_disk_of(2, kFirst).value());
  Membership moved = pair();
  moved.members[1].peer_address = "c:1";
  moved.members[1].client_address = "c:2";
  moved.members.push_back({3, {}, MemberRole::kVoter, "x:1", "x:2"});
  REQUIRE(file->relocate(moved).has_value());
  file = open();
  REQUIRE(file->membership().members.size() == 2);
  CHECK(file->membership().members[1].peer_address == "c:1");
  CHECK(file->membership().members[1].client_address == "c:2");
  CHECK(file->membership().members[1].node_uuid == kFirst);
  CHECK(file->membership().members[0] == pair().members[0]);
}

TEST_CASE_FIXTURE(Machine,
                  "a change takes the place of what was, and keeps the disks it does not know") {
  auto file = create();
  REQUIRE(file->is_disk_of(2, kOther).value());
  Membership changed = pair();
  changed.members[0].node_uuid = kFirst;
  changed.members.push_back({3, {3, 3}, MemberRole::kLearner, "c:17400", "c:7400"});
  REQUIRE(file->advance(7, 9, changed).has_value());
  file = open();
  CHECK(file->content().config_sequence == 7);
  CHECK(file->content().sequence == 9);
  CHECK(file->membership().members[1].node_uuid == kOther);
  CHECK(file->membership().members[2] == changed.members[2]);
  CHECK_FALSE(file->is_disk_of(1, kOther).value());
  // Only the place rises where nothing changed, and it never falls.
  REQUIRE(file->advance(7, 20, pair()).has_value());
  REQUIRE(file->advance(0, 15, pair()).has_value());
  file = open();
  CHECK(file->content().sequence == 20);
  CHECK(file->membership().members.size() == 3);
  // Addresses are the log's from then on.
  Membership moved = changed;
  moved.members[0].peer_address = "x:1";
  REQUIRE(file->relocate(moved).has_value());
  CHECK(file->membership().members[0].peer_address == "a:17400");
}

TEST_CASE_FIXTURE(Machine, "a node that joins is told apart, also after a restart") {
  CHECK_FALSE(create()->content().has_joined);
  auto joined = MembersFile::create(fs, "/d", kDatabase, {.election_us = 1'000'000},
                                    MembersFile::Origin::kJoined);
  REQUIRE(joined.has_value());
  CHECK(open()->content().has_joined);
}

TEST_CASE_FIXTURE(Machine, "one disk is nobody's second member") {
  auto file = create();
  CHECK(file->is_disk_of(1, kFirst).value());
  CHECK_FALSE(file->is_disk_of(2, kFirst).value());
  CHECK(file->membership().members[1].node_uuid.is_nil());
}

TEST_CASE_FIXTURE(Machine, "a missing, damaged or foreign file is not taken for one") {
  CHECK(code_of_open() == Errc::kCorruption);
  create();
  CHECK(code_of_open(kDatabase + 1) == Errc::kCorruption);
  fs.flip("/d/MEMBERS", 30, 1);
  CHECK(code_of_open() == Errc::kCorruption);
}

TEST_CASE_FIXTURE(Machine, "a disk that was acknowledged is known after a crash at any operation") {
  create();
  const kv::io::SimDisk begin = fs.disk();
  bool was_told = false;
  bool was_not = false;
  for (const CrashMode mode : {CrashMode::kLoseUnsynced, CrashMode::kKeepAll}) {
    for (std::uint64_t after = 0; after < 12; ++after) {
      CAPTURE(after);
      fs.restore(begin);
      fs.restart(CrashMode::kKeepAll);
      auto file = open();
      fs.lose_power_after(after);
      const auto told = file->is_disk_of(1, kFirst);
      const bool is_told = told.has_value();
      (is_told ? was_told : was_not) = true;
      if (fs.is_on()) fs.lose_power();
      fs.keep_power();
      fs.restart(mode, 0);
      file = open();
      const Uuid known = file->membership().members[0].node_uuid;
      if (is_told) CHECK(known == kFirst);
      CHECK((known == kFirst || known.is_nil()));
    }
  }
  CHECK(was_told);
  CHECK(was_not);
}
