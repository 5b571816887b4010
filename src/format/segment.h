#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "kv/result.h"

namespace kv::format {

enum class SegmentId : std::uint32_t {};
constexpr std::uint32_t number(SegmentId id) { return static_cast<std::uint32_t>(id); }

enum class SegmentKind : std::uint8_t {
  kLog = 0,     // records as they were written, dense in sequence
  kMerged = 1,  // what a merge kept
};

// The first 64 bytes of a segment file. Little-endian; crc covers bytes 0..59.
//
//   0     4       6    7    8    12    16    24         32     40     48           56    60
//   +-----+-------+----+----+----+-----+-----+----------+------+------+------------+-----+-----+
//   |magic|version|kind|zero|id  |zero |salt |first     |first |chain |database    |zero |crc  |
//   |u32  |u16    |u8  |u8  |u32 |u32  |u64  |sequence  |term  |so far|id hash     |u32  |u32  |
//   +-----+-------+----+----+----+-----+-----+----------+------+------+------------+-----+-----+
inline constexpr std::size_t kSegmentHeaderSize = 64;
inline constexpr std::uint32_t kSegmentMagic = 0x3153564b;  // "KVS1"
// A program that knows only the first would take system records for damage, so that segments which
// may hold some say so; all others stay as they were.
inline constexpr std::uint16_t kSegmentVersion = 1;
inline constexpr std::uint16_t kSegmentVersionWithSystem = 2;

struct SegmentHeader {
  SegmentKind kind = SegmentKind::kLog;
  SegmentId id{};
  std::uint64_t salt = 0;            // random; mixed into every record header
  std::uint64_t first_sequence = 0;  // of the first record it will hold
  std::uint64_t first_term = 0;
  std::uint64_t chain = 0;             // hash chain up to the record before the first
  std::uint64_t database_id_hash = 0;  // ties the file to its database
  std::uint16_t version = kSegmentVersion;
};

std::string encode_segment_header(const SegmentHeader& header);
// kCorruption or kNewerFormat; the context says what is wrong, without the file's name.
Result<SegmentHeader> decode_segment_header(std::string_view bytes);

}  // namespace kv::format
