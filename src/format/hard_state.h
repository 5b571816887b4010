#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "kv/result.h"

namespace kv::format {

// What a member of a cluster must know after a restart beside its log. One unit, which a disk's
// sector holds; little-endian; crc covers bytes 0..507. docs/file-format.md is the authority.
//
//   0     4       6    7    8          16       24   32    40      48      56     64     72   508
//   +-----+-------+----+----+----------+--------+----+-----+-------+-------+------+------+----+---+
//   |magic|version|qua-|zero|generation|database|term|voted|claimed|claimed|commit|its   |zero|crc|
//   |u32  |u16    |r.u8|u8  |u64       |id hash |u64 |for  |term   |seq    |hint  |term  |436 |u32|
//   +-----+-------+----+----+----------+--------+----+-----+-------+-------+------+------+----+---+
//
// The file has two pairs of copies, each copy in a sector of 4 KiB of its own: copies 0 and 1 are
// of even generations, 2 and 3 of odd ones. So a write that is torn can only hit the pair that
// does not hold what was acknowledged last. Between the copies there are zeros.
inline constexpr std::size_t kHardStateSize = 512;
inline constexpr std::uint32_t kHardStateMagic = 0x3156564b;  // "KVV1"
inline constexpr std::uint16_t kHardStateVersion = 2;
inline constexpr std::uint64_t kHardStateSectorSize = 4096;
inline constexpr std::size_t kHardStateCopies = 4;
inline constexpr std::uint64_t kHardStateFileSize = kHardStateCopies * kHardStateSectorSize;
// The first of the two copies of a generation; the other one follows it.
constexpr std::size_t hard_state_copy(std::uint64_t generation) { return generation % 2 * 2; }

struct HardState {
  std::uint64_t generation = 0;        // one higher with each write
  std::uint64_t database_id_hash = 0;  // ties the file to its database
  std::uint64_t term = 0;
  std::uint64_t voted_for = 0;  // in `term`; 0: nobody
  // The best record that was once on this disk and may since have been lost to damage; 0: all is
  // there.
  std::uint64_t claimed_term = 0;
  std::uint64_t claimed_seq = 0;
  // Known to be committed and on this disk. Version 1 does not have the term, of which it knows
  // that it is not above `term`: that stands for it.
  std::uint64_t commit_hint = 0;
  std::uint64_t commit_hint_term = 0;
  bool is_quarantined = false;
  friend bool operator==(const HardState&, const HardState&) = default;
};

std::string encode_hard_state(const HardState& state);
// Of exactly kHardStateSize bytes; kCorruption or kNewerFormat.
Result<HardState> decode_hard_state(std::string_view bytes);

}  // namespace kv::format
