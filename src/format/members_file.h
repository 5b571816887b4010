#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "format/membership.h"
#include "kv/result.h"

namespace kv::format {

// MEMBERS: who the members were at some place of the log that is committed, and whose disks they
// are. Replaced whole; little-endian; crc covers all the other bytes. docs/file-format.md is the
// authority.
//
//   0     4       6      8            16    20    24        32        40
//   +-----+-------+------+------------+-----+-----+---------+---------+------------+
//   |magic|version|joined|database    |crc  |zero |config   |sequence |membership  |
//   |u32  |u16    |u16   |id hash u64 |u32  |u32  |seq u64  |u64      |...         |
//   +-----+-------+------+------------+-----+-----+---------+---------+------------+
//
// Version 1, of clusters whose members never changed, has the membership at byte 20, and zeros for
// what it lacks.
inline constexpr std::size_t kMembersHeaderSize = 40;
inline constexpr std::uint32_t kMembersMagic = 0x3145564b;  // "KVE1"
inline constexpr std::uint16_t kMembersVersion = 2;

struct MembersFile {
  std::uint64_t database_id_hash = 0;  // ties the file to its database
  // The node was not there when the cluster was made. As long as config_sequence is 0 it is no
  // member, as far as it knows, and the membership says only where the others are.
  bool has_joined = false;
  std::uint64_t config_sequence = 0;  // of the CONFIG record; 0: as the cluster was made
  std::uint64_t sequence = 0;         // in force here, which is committed
  Membership membership;
  friend bool operator==(const MembersFile&, const MembersFile&) = default;
};

// Of a well-formed membership.
std::string encode_members_file(const MembersFile& file);
Result<MembersFile> decode_members_file(std::string_view bytes);  // kCorruption or kNewerFormat

}  // namespace kv::format
