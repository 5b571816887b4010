#include "format/members_file.h"

#include <string>

#include <doctest/doctest.h>

#include "base/checksum.h"
#include "base/endian.h"
#include "tests/support/damage.h"
#include "tests/support/golden.h"

namespace {

using namespace kv::format;
using kv::Errc;

MembersFile two() {
  return {.database_id_hash = 0x01121d5b6c0ac055,
          .has_joined = true,
          .config_sequence = 5,
          .sequence = 9,
          .membership = {
              .election_us = 1'000'000,
              .members = {{1, {0x1111, 0x11}, MemberRole::kVoter, "a:17400", "a:7400"},
                          {2, {}, MemberRole::kVoter, "b:17400", "b:7400"}},
          }};
}

Errc code_of(const std::string& bytes) {
  const auto file = decode_members_file(bytes);
  REQUIRE_FALSE(file);
  return file.error().code;
}

std::string signed_with(std::size_t at, char byte) {
  std::string bytes = encode_members_file(two());
  bytes[at] = byte;
  const auto head = kv::base::crc32c({bytes.data(), 16});
  const auto crc = kv::base::crc32c_extend(head, std::string_view(bytes).substr(20));
  kv::base::store_le(bytes.data() + 16, crc);
  return bytes;
}

}  // namespace

TEST_CASE("a MEMBERS file has its golden bytes") {
  CHECK(kv::test::golden_difference("members.hex", encode_members_file(two())) == "");
  CHECK(decode_members_file(kv::test::load_golden("members.hex")) == two());
}

TEST_CASE("a MEMBERS file of version 1 is that of a cluster whose members never changed") {
  const auto file = decode_members_file(kv::test::load_golden("members-1.hex"));
  REQUIRE(file.has_value());
  CHECK(*file ==
        MembersFile{.database_id_hash = two().database_id_hash, .membership = two().membership});
}

TEST_CASE("what is in force is not younger than where it is in force") {
  auto file = two();
  file.config_sequence = file.sequence + 1;
  CHECK(code_of(encode_members_file(file)) == Errc::kCorruption);
}

TEST_CASE("every flipped bit and every cut of a MEMBERS file is corruption") {
  const std::string bytes = encode_members_file(two());
  kv::test::each_flip(bytes, [](const std::string& damaged, auto) {
    CHECK(code_of(damaged) == Errc::kCorruption);
  });
  kv::test::each_cut(bytes,
                     [](const std::string& cut) { CHECK(code_of(cut) == Errc::kCorruption); });
}

TEST_CASE("a MEMBERS file of a later version is told from a damaged one") {
  CHECK(code_of(signed_with(4, 3)) == Errc::kNewerFormat);
  CHECK(code_of(signed_with(4, 0)) == Errc::kCorruption);
  CHECK(code_of(signed_with(6, 2)) == Errc::kCorruption);
  CHECK(code_of(signed_with(20, 1)) == Errc::kCorruption);
}
