#include "format/identity.h"

#include <cstdio>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "base/checksum.h"
#include "tests/support/damage.h"
#include "tests/support/golden.h"

namespace {

using namespace kv::format;
using kv::Errc;
using kv::test::each_cut;
using kv::test::each_flip;

Identity some_identity() {
  return {.database_id = "0123456789abcdef0123456789abcdef",
          .node_uuid = {0x0011223344556677, 0x8899aabbccddeeff}};
}

Identity some_member() {
  Identity identity = some_identity();
  identity.cluster_id = {0xc0c1c2c3c4c5c6c7, 0xc8c9cacbcccdcecf};
  identity.node_id = 3;
  return identity;
}

// The lines with a checksum that fits them.
std::string signed_text(const std::string& lines) {
  char checksum[9];
  std::snprintf(checksum, sizeof checksum, "%08x", kv::base::crc32c(lines));
  return lines + "crc32c=" + checksum + "\n";
}

Errc code_of(std::string_view text) {
  const auto identity = decode_identity(text);
  REQUIRE_FALSE(identity);
  return identity.error().code;
}

}  // namespace

TEST_CASE("IDENTITY and CURRENT have their golden bytes") {
  CHECK(kv::test::golden_difference("identity.hex", encode_identity(some_identity())) == "");
  CHECK(decode_identity(kv::test::load_golden("identity.hex")));
  CHECK(kv::test::golden_difference("identity-member.hex", encode_identity(some_member())) == "");
  CHECK(decode_identity(kv::test::load_golden("identity-member.hex")));
  CHECK(kv::test::golden_difference("current.hex", encode_current(12)) == "");
  CHECK(decode_current(kv::test::load_golden("current.hex")) == 12);
  CHECK(database_id_hash(some_identity()) == 0x01121d5b6c0ac055);
}

TEST_CASE("an identity comes back as it was written") {
  for (const Identity& written : {some_identity(), some_member()}) {
    const auto identity = decode_identity(encode_identity(written));
    REQUIRE(identity);
    CHECK(identity->database_id == written.database_id);
    CHECK(identity->node_uuid == written.node_uuid);
    CHECK(identity->cluster_id == written.cluster_id);
    CHECK(identity->node_id == written.node_id);
  }
}

TEST_CASE("every flipped bit and every cut of an identity is corruption") {
  for (const std::string& text :
       {encode_identity(some_identity()), encode_identity(some_member())}) {
    each_flip(text, [](const std::string& damaged, auto) {
      CHECK(code_of(damaged) == Errc::kCorruption);
    });
    each_cut(text, [](const std::string& cut) { CHECK(code_of(cut) == Errc::kCorruption); });
    CHECK(code_of(text + "\n") == Errc::kCorruption);
  }
}

TEST_CASE("an identity of a newer format says so, whatever its other lines are") {
  CHECK(code_of(signed_text("format_version=3\nsomething=else\n")) == Errc::kNewerFormat);
}

TEST_CASE("a member's identity names node and cluster, and none of them is zero") {
  const std::string head = "format_version=2\ndatabase_id=" + some_identity().database_id +
                           "\nnode_uuid=00112233445566778899aabbccddeeff\n";
  const std::string cluster = "cluster_id=c0c1c2c3c4c5c6c7c8c9cacbcccdcecf\n";
  CHECK(signed_text(head + cluster + "node_id=3\n") == encode_identity(some_member()));
  const std::vector<std::string> wrong = {
      head,
      head + cluster,
      head + "node_id=3\n",
      head + cluster + "node_id=0\n",
      head + cluster + "node_id=03\n",
      head + cluster + "node_id=-1\n",
      head + cluster + "node_id=18446744073709551616\n",
      head + "cluster_id=" + std::string(32, '0') + "\nnode_id=3\n",
      head + "cluster_id=C0c1c2c3c4c5c6c7c8c9cacbcccdcecf\nnode_id=3\n",
      head + cluster + "node_id=3\nx=y\n"};
  for (const std::string& lines : wrong) {
    CAPTURE(lines);
    CHECK(code_of(signed_text(lines)) == Errc::kCorruption);
  }
}

TEST_CASE("an identity with a right checksum must still have its lines") {
  const std::string database = "database_id=" + some_identity().database_id + "\n";
  const std::string node = "node_id=00112233445566778899aabbccddeeff\n";
  const std::string version = "format_version=1\n";
  CHECK(decode_identity(signed_text(version + database + node)));
  const std::vector<std::string> incomplete = {
      std::string(),
      version,
      version + database,
      database + node,
      version + node + database,
      version + database + node + "x=y\n",
      "format_version=\n" + database + node,
      "format_version=+1\n" + database + node,
      "format_version=01\n" + database + node,
      "format_version=99999999999999999999\n" + database + node,
      "format_version=0\n" + database + node,
      version + "database_id=0123\n" + node};
  for (const std::string& lines : incomplete) {
    CAPTURE(lines);
    CHECK(code_of(signed_text(lines)) == Errc::kCorruption);
  }
}

TEST_CASE("two databases have two hashes") {
  Identity other = some_identity();
  other.node_uuid.low = 0;
  CHECK(database_id_hash(other) == database_id_hash(some_identity()));
  other.database_id.back() = '0';
  CHECK(database_id_hash(other) != database_id_hash(some_identity()));
}

TEST_CASE("CURRENT names a manifest, and any damage to it is found") {
  for (const std::uint64_t number : {1ull, 12ull, 999999ull, 1000000ull, ~0ull}) {
    CAPTURE(number);
    const std::string text = encode_current(number);
    const auto decoded = decode_current(text);
    REQUIRE(decoded);
    CHECK(*decoded == number);
    each_flip(text, [](const std::string& damaged, auto) { CHECK_FALSE(decode_current(damaged)); });
    each_cut(text, [](const std::string& cut) { CHECK_FALSE(decode_current(cut)); });
    CHECK_FALSE(decode_current(text + "\n"));
  }
  CHECK(decode_current("").error().code == Errc::kCorruption);
  CHECK(decode_current("000012.seg 00000000\n").error().code == Errc::kCorruption);
}
