#include "format/segment.h"

#include <fmt/format.h>

#include "base/checksum.h"
#include "base/endian.h"
#include "format/damage.h"

namespace kv::format {
namespace {

using base::load_le;
using base::store_le;

constexpr std::size_t kMagicAt = 0;
constexpr std::size_t kVersionAt = 4;
constexpr std::size_t kKindAt = 6;
constexpr std::size_t kIdAt = 8;
constexpr std::size_t kSaltAt = 16;
constexpr std::size_t kFirstSequenceAt = 24;
constexpr std::size_t kFirstTermAt = 32;
constexpr std::size_t kChainAt = 40;
constexpr std::size_t kDatabaseAt = 48;
constexpr std::size_t kCrcAt = 60;
static_assert(kCrcAt + sizeof(std::uint32_t) == kSegmentHeaderSize);

}  // namespace

std::string encode_segment_header(const SegmentHeader& header) {
  std::string bytes(kSegmentHeaderSize, '\0');
  char* out = bytes.data();
  store_le(out + kMagicAt, kSegmentMagic);
  store_le(out + kVersionAt, header.version);
  store_le(out + kKindAt, static_cast<std::uint8_t>(header.kind));
  store_le(out + kIdAt, number(header.id));
  store_le(out + kSaltAt, header.salt);
  store_le(out + kFirstSequenceAt, header.first_sequence);
  store_le(out + kFirstTermAt, header.first_term);
  store_le(out + kChainAt, header.chain);
  store_le(out + kDatabaseAt, header.database_id_hash);
  store_le(out + kCrcAt, base::crc32c({out, kCrcAt}));
  return bytes;
}

Result<SegmentHeader> decode_segment_header(std::string_view bytes) {
  if (bytes.size() < kSegmentHeaderSize) {
    return corruption(
        fmt::format("segment header: {} of {} bytes", bytes.size(), kSegmentHeaderSize));
  }
  const char* at = bytes.data();
  if (load_le<std::uint32_t>(at + kMagicAt) != kSegmentMagic) {
    return corruption("segment header: not a segment, the magic number is wrong");
  }
  // The checksum comes before the version: a damaged version is damage, not a newer program.
  if (load_le<std::uint32_t>(at + kCrcAt) != base::crc32c({at, kCrcAt})) {
    return corruption("segment header: checksum mismatch");
  }
  const auto version = load_le<std::uint16_t>(at + kVersionAt);
  if (version > kSegmentVersionWithSystem) {
    return newer_format(fmt::format("segment version {}; this program knows up to {}", version,
                                    kSegmentVersionWithSystem));
  }
  const SegmentHeader header{
      .kind = static_cast<SegmentKind>(load_le<std::uint8_t>(at + kKindAt)),
      .id = SegmentId{load_le<std::uint32_t>(at + kIdAt)},
      .salt = load_le<std::uint64_t>(at + kSaltAt),
      .first_sequence = load_le<std::uint64_t>(at + kFirstSequenceAt),
      .first_term = load_le<std::uint64_t>(at + kFirstTermAt),
      .chain = load_le<std::uint64_t>(at + kChainAt),
      .database_id_hash = load_le<std::uint64_t>(at + kDatabaseAt),
      .version = version,
  };
  // An intact header with a field that is never written: an unknown kind, a version 0, a zero that
  // is none. Encoding it again finds the last.
  if (header.kind > SegmentKind::kMerged || header.version < kSegmentVersion ||
      encode_segment_header(header) != bytes.substr(0, kSegmentHeaderSize)) {
    return corruption("segment header: a field holds what this version never writes");
  }
  return header;
}

}  // namespace kv::format
