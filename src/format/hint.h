#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "format/filter.h"
#include "format/record.h"
#include "format/segment.h"
#include "kv/result.h"

namespace kv::format {

// What a hint says of one key: its newest record in the segment.
struct HintEntry {
  std::string_view key;
  std::uint64_t sequence = 0;
  std::uint64_t offset = 0;  // of the record, in the segment
  std::uint32_t value_size = 0;
  RecordType type = RecordType::kPut;  // kPut or kDelete
};

// What ties a hint to exactly one state of one segment.
struct HintBinding {
  SegmentId segment{};
  std::uint64_t salt = 0;          // of the segment
  std::uint64_t segment_size = 0;  // bytes
  std::uint64_t first_sequence = 0;
  std::uint64_t last_sequence = 0;
  std::uint64_t records = 0;
  std::uint64_t end_chain = 0;
  bool operator==(const HintBinding&) const = default;
};

// A hint file: header, entries sorted by key, key filter. Little-endian; header crc covers bytes
// 0..99.
//
//   0     4       6    8       12   16   24      32       40       48      56    64    72      80
//   +-----+-------+----+-------+----+----+-------+--------+--------+-------+-----+-----+-------+
//   |magic|version|zero|segment|zero|salt|segment|first   |last    |records|end  |count|entries|
//   |u32  |u16    |u16 |u32    |u32 |u64 |size   |sequence|sequence|u64    |chain|u64  |size   |
//   +-----+-------+----+-------+----+----+-------+--------+--------+-------+-----+-----+-------+
//   80          88          92         96   100        104
//   +-----------+-----------+----------+----+----------+---------+--------+
//   |filter     |entries    |filter    |zero|header    | entries | filter |
//   |size u64   |crc u32    |crc u32   |u32 |crc u32   |         |        |
//   +-----------+-----------+----------+----+----------+---------+--------+
//
//   entry
//   0          8            12           16                 20
//   +----------+------------+------------+------------------+-----+
//   |sequence  |offset / 8  |value_size  |type * 2^24       | key |
//   |u64       |u32         |u32         |+ key_size u32    |     |
//   +----------+------------+------------+------------------+-----+
inline constexpr std::size_t kHintHeaderSize = 104;
inline constexpr std::size_t kHintEntryHeadSize = 20;
inline constexpr std::uint32_t kHintMagic = 0x3148564b;  // "KVH1"
inline constexpr std::uint16_t kHintVersion = 1;

// Builds the content of a hint file.
class HintBuilder {
 public:
  explicit HintBuilder(const HintBinding& binding);
  // In ascending key order, each key once. The record lies within the binding's segment_size and
  // sequences; HintReader::open refuses anything else.
  void add(const HintEntry& entry);
  std::string finish() &&;

 private:
  HintBinding binding_;
  std::string content_;  // begins with room for the header
  std::size_t last_key_at_ = 0;
  FilterBuilder filter_;
  std::uint64_t count_ = 0;
};

// Where a hint's key filter lies in the file, for who needs nothing else of it.
struct HintFilterAt {
  HintBinding binding;
  std::uint64_t offset = 0;
  std::uint64_t size = 0;
  std::uint32_t crc = 0;  // CRC32C of the filter
};
// From the first kHintHeaderSize bytes; kCorruption or kNewerFormat.
Result<HintFilterAt> locate_hint_filter(std::string_view header);

// Reads entries one after the other from a hint's content, which it does not own.
class HintReader {
 public:
  // kCorruption when any checksum, size or order fails; kNewerFormat. All checks happen here, once.
  static Result<HintReader> open(std::string_view content);

  const HintBinding& binding() const { return binding_; }
  std::uint64_t count() const { return count_; }
  // false at the end.
  bool next(HintEntry& entry);
  std::string_view filter() const { return filter_; }

  std::optional<std::string_view> first_key() const;
  std::optional<std::string_view> last_key() const;
  // Every 1,024th key or so, in order: enough to part many hints evenly by key.
  std::vector<std::string_view> sample() const;
  // A reader, at its beginning, of the entries from `start` (none: the first) to before `end`.
  HintReader slice(std::optional<std::string_view> start,
                   std::optional<std::string_view> end) const;

 private:
  HintReader() = default;
  std::size_t seek(std::string_view key) const;  // where the first entry not before it begins

  HintBinding binding_;
  std::uint64_t count_ = 0;  // of the whole hint, for a slice too
  std::string_view entries_;
  std::string_view filter_;
  std::vector<std::size_t> marks_;  // where every 1,024th entry begins
  std::size_t at_ = 0;
};

}  // namespace kv::format
