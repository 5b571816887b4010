#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace kv::format {

// A record: header, key, value, zero bytes up to the next multiple of 8. Little-endian.
// docs/file-format.md is the authority.
//
//   0      4     8     10   11    12    16     20    24    32       40       48
//   +------+-----+-----+----+-----+-----+------+-----+-----+--------+--------+-----+-------+---+
//   |header|body |magic|type|flags|key  |value |key  |term |sequence|time-   | key | value | 0 |
//   |crc   |crc  |     |    |     |size |size  |crc  |     |        |stamp_ms|     |       |   |
//   |u32   |u32  |u16  |u8  |u8   |u32  |u32   |u32  |u64  |u64     |u64     |     |       |   |
//   +------+-----+-----+----+-----+-----+------+-----+-----+--------+--------+-----+-------+---+
//
// header_crc covers the segment's salt (8 bytes) and then bytes 4..47, so that bytes left over from
// another segment never pass. body_crc covers key and value, without the salt: it is the same in
// every segment and on every node the record is copied to. key_crc covers the key alone, so that a
// damaged value still says whose it was.
inline constexpr std::size_t kRecordHeaderSize = 48;
inline constexpr std::size_t kRecordAlignment = 8;
inline constexpr std::uint16_t kRecordMagic = 0x764b;  // "Kv"

enum class RecordType : std::uint8_t {
  kPut = 1,
  kDelete = 2,
  kBatch = 3,     // no key; the value is a run of kPut and kDelete records flagged kFlagInBatch
  kSyncMark = 4,  // no key, no sequence; the value is a SyncMark
  // System records: they have a sequence and are part of the chain, write no key, and a merge drops
  // them. In segments of kSegmentVersionWithSystem only.
  kNoop = 16,     // neither key nor value: a new leader's first record
  kConfig = 17,   // no key; the value is a Membership
  kCompare = 18,  // neither key nor value: the members compare what they hold as of here
};
constexpr bool is_data(RecordType type) {
  return type == RecordType::kPut || type == RecordType::kDelete;
}
constexpr bool is_system(RecordType type) {
  return type == RecordType::kNoop || type == RecordType::kConfig || type == RecordType::kCompare;
}
inline constexpr std::size_t kConfigSizeMax = 64 * 1024;

// The record is a member of a batch: it has the batch's sequence and counts only inside one.
inline constexpr std::uint8_t kFlagInBatch = 1;

struct RecordHeader {
  RecordType type = RecordType::kPut;
  std::uint8_t flags = 0;
  std::uint32_t key_size = 0;
  std::uint32_t value_size = 0;
  std::uint32_t body_crc = 0;
  std::uint32_t key_crc = 0;
  std::uint64_t term = 0;
  std::uint64_t sequence = 0;
  std::uint64_t timestamp_ms = 0;
};

constexpr std::uint64_t padded(std::uint64_t size) {
  return (size + kRecordAlignment - 1) / kRecordAlignment * kRecordAlignment;
}
// Bytes the record takes in the segment, padding included.
inline std::uint64_t record_size(const RecordHeader& header) {
  return padded(kRecordHeaderSize + std::uint64_t{header.key_size} + header.value_size);
}

// Writes kRecordHeaderSize bytes.
void encode_record_header(const RecordHeader& header, std::uint64_t salt, char* out);

enum class HeaderState {
  kValid,
  kZero,     // all 48 bytes are zero: preallocated space, the clean end of the log
  kInvalid,  // torn or damaged, or a type, flag or size (limits of kv/options.h) nobody writes
};
// `bytes` holds at least kRecordHeaderSize; fewer is kInvalid. Fills `header` only when kValid.
HeaderState decode_record_header(std::string_view bytes, std::uint64_t salt, RecordHeader& header);

// The fields of an invalid header as they lie, unchecked: to find out whose record it was.
RecordHeader raw_record_header(std::string_view bytes);

// Appends a whole record, padding included; fills in body_crc, key_crc and sizes.
void append_record(std::string& out, RecordHeader header, std::string_view key,
                   std::string_view value, std::uint64_t salt);

// Whether key and value, as they lie behind the header, match body_crc.
bool body_is_intact(const RecordHeader& header, std::string_view key_and_value);

// Which records were already synced when the mark was written, and the hash chain up to it. The
// first frame of a write batch, when either is news.
struct SyncMark {
  std::uint64_t synced_sequence = 0;
  std::uint64_t last_sequence = 0;  // of the record before the mark
  std::uint64_t chain = 0;          // up to and with last_sequence
};
inline constexpr std::size_t kSyncMarkSize = 24;
void append_sync_mark(std::string& out, const SyncMark& mark, std::uint64_t term,
                      std::uint64_t timestamp_ms, std::uint64_t salt);
std::optional<SyncMark> decode_sync_mark(std::string_view value);

inline constexpr std::uint64_t kChainUnknown = 0;  // as behind a damaged range
inline constexpr std::uint64_t kChainStart = 1;    // before the first record of a database

// chain(r) = XXH64 of term, sequence, type, flags, sizes and body_crc, seeded with the chain before
// r: equal chains at a sequence mean equal logs up to it. Sync marks are not part.
std::uint64_t extend_chain(std::uint64_t chain, const RecordHeader& header);

}  // namespace kv::format
