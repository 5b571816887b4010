#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "format/membership.h"
#include "kv/result.h"

namespace kv::format {

// MEMBERS: who the members were at the beginning of the log, and whose disks they are. Replaced
// whole; little-endian; crc covers the bytes before it and the membership. docs/file-format.md is
// the authority.
//
//   0     4       6    8            16    20
//   +-----+-------+----+------------+-----+------------+
//   |magic|version|zero|database    |crc  |membership  |
//   |u32  |u16    |u16 |id hash u64 |u32  |...         |
//   +-----+-------+----+------------+-----+------------+
inline constexpr std::size_t kMembersHeaderSize = 20;
inline constexpr std::uint32_t kMembersMagic = 0x3145564b;  // "KVE1"
inline constexpr std::uint16_t kMembersVersion = 1;

struct MembersFile {
  std::uint64_t database_id_hash = 0;  // ties the file to its database
  Membership membership;
  friend bool operator==(const MembersFile&, const MembersFile&) = default;
};

// Of a well-formed membership.
std::string encode_members_file(const MembersFile& file);
Result<MembersFile> decode_members_file(std::string_view bytes);  // kCorruption or kNewerFormat

}  // namespace kv::format
