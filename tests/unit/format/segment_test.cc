#include "format/segment.h"

#include <string>

#include <doctest/doctest.h>

#include "base/checksum.h"
#include "base/endian.h"
#include "tests/support/damage.h"
#include "tests/support/golden.h"

namespace {

using namespace kv::format;
using kv::Errc;

constexpr SegmentHeader kHeader{
    .kind = SegmentKind::kLog,
    .id = SegmentId{7},
    .salt = 0x1122334455667788,
    .first_sequence = 42,
    .first_term = 3,
    .chain = 0x0102030405060708,
    .database_id_hash = 0x01121d5b6c0ac055,
};

// The header with one byte set and the checksum made right again.
std::string signed_with(std::size_t at, char byte) {
  std::string bytes = encode_segment_header(kHeader);
  bytes[at] = byte;
  kv::base::store_le(bytes.data() + 60, kv::base::crc32c({bytes.data(), 60}));
  return bytes;
}

Errc code_of(const std::string& bytes) {
  const auto header = decode_segment_header(bytes);
  REQUIRE_FALSE(header);
  return header.error().code;
}

void check_same(const SegmentHeader& a, const SegmentHeader& b) {
  CHECK(a.kind == b.kind);
  CHECK(a.id == b.id);
  CHECK(a.salt == b.salt);
  CHECK(a.first_sequence == b.first_sequence);
  CHECK(a.first_term == b.first_term);
  CHECK(a.chain == b.chain);
  CHECK(a.database_id_hash == b.database_id_hash);
}

}  // namespace

TEST_CASE("a segment header has its golden bytes") {
  CHECK(kv::test::golden_difference("segment-header.hex", encode_segment_header(kHeader)) == "");
  const auto header = decode_segment_header(kv::test::load_golden("segment-header.hex"));
  REQUIRE(header);
  check_same(*header, kHeader);
}

TEST_CASE("a segment header comes back as it was encoded") {
  SegmentHeader merged = kHeader;
  merged.kind = SegmentKind::kMerged;
  merged.id = SegmentId{0xffffffff};
  const std::string bytes = encode_segment_header(merged);
  CHECK(bytes.size() == kSegmentHeaderSize);
  const auto header = decode_segment_header(bytes + "records");
  REQUIRE(header);
  check_same(*header, merged);
}

TEST_CASE("a segment that may hold system records says so by its version") {
  SegmentHeader header = kHeader;
  header.version = kSegmentVersionWithSystem;
  CHECK(encode_segment_header(header) == signed_with(4, 2));
  const auto decoded = decode_segment_header(signed_with(4, 2));
  REQUIRE(decoded);
  CHECK(decoded->version == kSegmentVersionWithSystem);
  check_same(*decoded, kHeader);
}

TEST_CASE("every flipped bit and every cut of a segment header is corruption") {
  const std::string bytes = encode_segment_header(kHeader);
  kv::test::each_flip(bytes, [](const std::string& damaged, auto) {
    CHECK(code_of(damaged) == Errc::kCorruption);
  });
  kv::test::each_cut(bytes,
                     [](const std::string& cut) { CHECK(code_of(cut) == Errc::kCorruption); });
}

TEST_CASE("a segment of a later version is told as such") {
  CHECK(code_of(signed_with(4, 3)) == Errc::kNewerFormat);
  CHECK(code_of(signed_with(5, 1)) == Errc::kNewerFormat);
}

TEST_CASE("a segment header with a right checksum and a field nobody writes is corruption") {
  CHECK(code_of(signed_with(4, 0)) == Errc::kCorruption);  // version
  CHECK(code_of(signed_with(6, 2)) == Errc::kCorruption);  // kind
  for (const std::size_t zero : {7u, 12u, 15u, 56u, 59u}) {
    CAPTURE(zero);
    CHECK(code_of(signed_with(zero, 1)) == Errc::kCorruption);
  }
}
