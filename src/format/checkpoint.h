#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "format/segment.h"
#include "kv/result.h"

namespace kv::format {

// The CHECKPOINT: all live keys at one sequence with their places in sealed segments, in order of
// the keys. A cache like the hints, never the authority. Little-endian.
//
//   header, 64 bytes; crc covers bytes 0..59
//   0     4       6    8        16       24    32       40     48           52    60    64
//   +-----+-------+----+--------+--------+-----+--------+------+------------+-----+-----+
//   |magic|version|zero|database|sequence|keys |segments|blocks|segments crc|zero |crc  |
//   |u32  |u16    |u16 |id hash |u64     |u64  |u64     |u64   |u32         |u64  |u32  |
//   +-----+-------+----+--------+--------+-----+--------+------+------------+-----+-----+
//
//   segment, 32 bytes: those whose records the entries name
//   +-------+--------+--------+--------+----------------+
//   |id u32 |zero u32|salt u64|size u64|delete_bytes u64|
//   +-------+--------+--------+--------+----------------+
//
//   block: head of 16 bytes, then entries; crc covers what follows it in the block
//   +-------+--------+--------+--------+---------+
//   |crc u32|size u32|keys u32|zero u32| entries |
//   +-------+--------+--------+--------+---------+
//
//   entry: place u64 (the segment's number in the list << 44, the rest as in the index), key size
//   - 1 u16, key
inline constexpr std::size_t kCheckpointHeaderSize = 64;
inline constexpr std::size_t kCheckpointSegmentSize = 32;
inline constexpr std::size_t kCheckpointBlockHeadSize = 16;
inline constexpr std::uint32_t kCheckpointMagic = 0x3143564b;  // "KVC1"
inline constexpr std::uint16_t kCheckpointVersion = 1;
inline constexpr std::uint32_t kCheckpointSegmentsMax = 1u << 20;

struct CheckpointSegment {
  SegmentId id{};
  std::uint64_t salt = 0;
  std::uint64_t size = 0;          // bytes, as sealed
  std::uint64_t delete_bytes = 0;  // of the deletes among its records
  bool operator==(const CheckpointSegment&) const = default;
};

// One key. `place`: the segment's number in the list in the highest 20 bits.
struct CheckpointEntry {
  std::string_view key;
  std::uint64_t place = 0;
};

// Builds a block out of entries in ascending order of their keys.
class CheckpointBlock {
 public:
  void add(const CheckpointEntry& entry);
  std::size_t size() const { return kCheckpointBlockHeadSize + entries_.size(); }
  std::uint32_t keys() const { return keys_; }
  // The block's bytes; it is empty afterwards.
  std::string take();

 private:
  std::string entries_;
  std::uint32_t keys_ = 0;
};

struct CheckpointHead {
  std::uint64_t database_id_hash = 0;
  std::uint64_t sequence = 0;  // it holds what was live after this one
  std::uint64_t keys = 0;
  std::uint64_t blocks = 0;
  std::vector<CheckpointSegment> segments;
};
// Header and list of segments: what the file begins with. Its size depends on the number of
// segments alone.
std::string encode_checkpoint_head(const CheckpointHead& head);

// Reads a checkpoint's content, which it does not own.
class CheckpointReader {
 public:
  // kCorruption when anything is not as it was written; kNewerFormat. All checks happen here.
  static Result<CheckpointReader> open(std::string_view content);

  const CheckpointHead& head() const { return head_; }

  // The entries of some successive blocks.
  class Slice {
   public:
    bool next(CheckpointEntry& entry);  // false at the end

   private:
    friend class CheckpointReader;
    std::vector<std::string_view> blocks_;
    std::size_t block_ = 0;
    std::size_t at_ = 0;
  };
  // Slice `number` of `count` of about the same size each, all together the whole.
  Slice slice(std::size_t number, std::size_t count) const;
  // The first key of that slice; none: it is empty.
  std::optional<std::string_view> first_key(std::size_t number, std::size_t count) const;

 private:
  CheckpointHead head_;
  std::vector<std::string_view> blocks_;  // their entries
};

}  // namespace kv::format
