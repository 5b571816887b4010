#include "format/membership.h"

#include <string>

#include <doctest/doctest.h>

#include "base/endian.h"
#include "format/record.h"
#include "tests/support/damage.h"
#include "tests/support/golden.h"

namespace {

using namespace kv::format;
using kv::Errc;

Membership three() {
  return {.election_us = 1'000'000,
          .members = {
              {1, {0x1111, 0x11}, MemberRole::kVoter, "a.example:7412", "a.example:7411"},
              {2, {0x2222, 0x22}, MemberRole::kVoter, "[::1]:7412", ""},
              {300, {0x3333, 0x33}, MemberRole::kLearner, "10.0.0.3:7412", "10.0.0.3:7411"},
          }};
}

template <class Change>
Membership changed(Change change) {
  Membership membership = three();
  change(membership);
  return membership;
}

}  // namespace

TEST_CASE("a membership has its golden bytes, as the value of a record") {
  std::string record;
  append_record(record, {.type = RecordType::kConfig, .term = 3, .sequence = 42}, {},
                encode_membership(three()), 0x1122334455667788);
  CHECK(kv::test::golden_difference("record-config.hex", record) == "");
  const std::string golden = kv::test::load_golden("record-config.hex");
  RecordHeader header;
  REQUIRE(decode_record_header(golden, 0x1122334455667788, header) == HeaderState::kValid);
  const auto decoded =
      decode_membership(std::string_view(golden).substr(kRecordHeaderSize, header.value_size));
  REQUIRE(decoded);
  CHECK(*decoded == three());
}

TEST_CASE("a membership comes back as it was encoded") {
  for (const Membership& membership :
       {three(), Membership{.election_us = 1},
        changed([](Membership& m) { m.members[0].peer_address = std::string(262, 'h'); })}) {
    const auto decoded = decode_membership(encode_membership(membership));
    REQUIRE(decoded);
    CHECK(*decoded == membership);
  }
}

TEST_CASE("the largest membership fits into a record") {
  Membership largest{.election_us = UINT64_MAX};
  for (std::uint64_t i = 1; i <= kMembersMax; ++i) {
    const std::string address(kAddressSizeMax, 'h');
    largest.members.push_back({i, {i, i}, MemberRole::kVoter, address, address});
  }
  CHECK(encode_membership(largest).size() <= kConfigSizeMax);
  CHECK(decode_membership(encode_membership(largest)) == largest);
  largest.members.push_back({999, {9, 9}, MemberRole::kVoter, "h:1", ""});
  CHECK_FALSE(is_well_formed(largest));
}

TEST_CASE("members out of order, twice, nameless or nowhere are not well formed") {
  CHECK(is_well_formed(three()));
  const auto is_refused = [](auto change) { return !is_well_formed(changed(change)); };
  CHECK(is_refused([](Membership& m) { m.election_us = 0; }));
  CHECK(is_refused([](Membership& m) { std::swap(m.members[0], m.members[1]); }));
  CHECK(is_refused([](Membership& m) { m.members[1].node_id = 1; }));
  CHECK(is_refused([](Membership& m) { m.members[0].node_id = 0; }));
  CHECK(is_refused([](Membership& m) { m.members[0].node_uuid = m.members[1].node_uuid; }));
  CHECK(is_refused([](Membership& m) { m.members[0].role = MemberRole{0}; }));
  CHECK(is_refused([](Membership& m) { m.members[0].role = MemberRole{3}; }));
  CHECK(is_refused([](Membership& m) { m.members[0].peer_address = ""; }));
  CHECK(is_refused([](Membership& m) { m.members[0].peer_address = "a b:1"; }));
  CHECK(is_refused([](Membership& m) { m.members[0].client_address = "\n:1"; }));
  CHECK(is_refused([](Membership& m) { m.members[0].client_address = std::string(263, 'h'); }));
}

TEST_CASE("every cut of a membership is corruption, and a flip never passes for what was written") {
  const std::string bytes = encode_membership(three());
  kv::test::each_cut(bytes, [](const std::string& cut) {
    const auto decoded = decode_membership(cut);
    REQUIRE_FALSE(decoded);
    CHECK(decoded.error().code == Errc::kCorruption);
  });
  // The record's checksum finds flips; here it is enough that none is misread.
  kv::test::each_flip(bytes, [](const std::string& damaged, auto) {
    const auto decoded = decode_membership(damaged);
    if (decoded) CHECK(encode_membership(*decoded) == damaged);
  });
  CHECK_FALSE(decode_membership(bytes + "x"));
}

TEST_CASE("a membership of a later version says so, and of version 0 is corruption") {
  std::string bytes = encode_membership(three());
  bytes[0] = 2;
  CHECK(decode_membership(bytes).error().code == Errc::kNewerFormat);
  bytes[0] = 0;
  CHECK(decode_membership(bytes).error().code == Errc::kCorruption);
}

TEST_CASE("a count beyond the bound is refused before anything is allocated for it") {
  std::string bytes = encode_membership(three());
  kv::base::store_le(bytes.data() + 4, std::uint32_t{0xffffffff});
  CHECK(decode_membership(bytes).error().code == Errc::kCorruption);
}
