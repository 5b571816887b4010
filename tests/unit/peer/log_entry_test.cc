#include "peer/log_entry.h"

#include <ostream>
#include <random>
#include <vector>

#include <doctest/doctest.h>

#include "base/checksum.h"
#include "kv/options.h"

namespace {

using namespace kv::peer;
using kv::format::Member;
using kv::format::MemberRole;
using kv::format::RecordHeader;
using kv::format::RecordType;
namespace raft = kv::raft;
using raft::NodeId;

constexpr std::uint64_t kChain = 77;

std::vector<Member> book() {
  return {{1, {1, 1}, MemberRole::kVoter, "a:1", "a:2"},
          {2, {2, 2}, MemberRole::kVoter, "b:1", ""},
          {3, {3, 3}, MemberRole::kVoter, "c:1", ""}};
}

}  // namespace

TEST_CASE("the chain that the core extends is the one of the segments, for any record") {
  std::mt19937_64 random(7);
  const auto below = [&random](std::uint64_t bound) {
    return static_cast<std::uint32_t>(random() % bound);
  };
  for (int i = 0; i < 20'000; ++i) {
    const RecordType types[] = {RecordType::kPut, RecordType::kDelete, RecordType::kBatch};
    RecordHeader header;
    header.type = types[below(3)];
    header.flags = static_cast<std::uint8_t>(below(64));
    const bool has_key = header.type != RecordType::kBatch;
    header.key_size = has_key ? 1 + below(below(2) == 0 ? 8 : kv::kKeySizeMax) : 0;
    header.value_size =
        header.type == RecordType::kDelete ? 0 : below(below(2) == 0 ? 16 : 130 * 1024 * 1024);
    header.body_crc = static_cast<std::uint32_t>(random());
    header.term = random();
    header.sequence = random();
    const raft::Entry entry = entry_of(header);
    CHECK(entry.kind == raft::EntryKind::kData);
    CHECK(entry.digest == payload_of(header).digest);
    CHECK(entry.size == payload_of(header).size);
    const RecordHeader back = header_of(entry);
    REQUIRE(back.value_size == header.value_size);
    REQUIRE(back.key_size == header.key_size);
    REQUIRE(back.type == header.type);
    REQUIRE(back.flags == header.flags);
    REQUIRE(extend_chain(kChain, entry, {}) == kv::format::extend_chain(kChain, header));
  }
}

TEST_CASE("a leader that makes a record and who gets it have the same chain") {
  SUBCASE("of a record that says nothing") {
    const RecordHeader sent{
        .type = RecordType::kNoop, .body_crc = kv::base::crc32c({}), .term = 3, .sequence = 9};
    const raft::Entry made{.term = 3, .seq = 9, .kind = raft::EntryKind::kNoop};
    CHECK(extend_chain(kChain, made, {}) == kv::format::extend_chain(kChain, sent));
    CHECK(extend_chain(kChain, entry_of(sent), {}) == kv::format::extend_chain(kChain, sent));
  }
  SUBCASE("of a configuration") {
    const auto config = std::make_shared<const raft::Config>(
        raft::Config{.voters = {NodeId{1}, NodeId{3}}, .learners = {NodeId{2}}});
    const auto membership = membership_of(*config, book());
    REQUIRE(membership);
    const std::string value = kv::format::encode_membership(*membership);
    const RecordHeader sent{.type = RecordType::kConfig,
                            .value_size = static_cast<std::uint32_t>(value.size()),
                            .body_crc = kv::base::crc32c(value),
                            .term = 3,
                            .sequence = 9};
    const raft::Entry made{.term = 3, .seq = 9, .kind = raft::EntryKind::kConfig, .config = config};
    CHECK(extend_chain(kChain, made, book()) == kv::format::extend_chain(kChain, sent));
    CHECK(extend_chain(kChain, entry_of(sent), {}) == kv::format::extend_chain(kChain, sent));
  }
}

TEST_CASE("a configuration and a membership say the same, the latter with addresses") {
  const raft::Config config{
      .voters = {NodeId{1}, NodeId{3}}, .learners = {NodeId{2}}, .election_us = 500'000};
  const auto membership = membership_of(config, book());
  REQUIRE(membership);
  CHECK(is_well_formed(*membership));
  CHECK(membership->election_us == 500'000);
  REQUIRE(membership->members.size() == 3);
  CHECK(membership->members[1].role == MemberRole::kLearner);
  CHECK(membership->members[1].peer_address == "b:1");
  CHECK(config_of(*membership) == config);
}

TEST_CASE("without the address of a member there is no membership") {
  CHECK_FALSE(membership_of(raft::Config{.voters = {NodeId{4}}, .learners = {}}, book()));
  CHECK_FALSE(membership_of(raft::Config{.voters = {NodeId{1}}, .learners = {NodeId{4}}}, book()));
}
