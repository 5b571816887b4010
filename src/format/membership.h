#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/uuid.h"
#include "kv/result.h"

namespace kv::format {

enum class MemberRole : std::uint8_t {
  kVoter = 1,
  kLearner = 2,  // gets the log and has no vote
};

struct Member {
  std::uint64_t node_id = 0;  // not 0
  base::Uuid node_uuid = {};  // a wiped disk comes back with another one; nil: not heard of yet
  MemberRole role = MemberRole::kVoter;
  std::string peer_address = {};    // host:port for the other members
  std::string client_address = {};  // host:port for clients; empty: none is known
  friend bool operator==(const Member&, const Member&) = default;
};

// Who the members of a cluster are, where they are, and the timing they share: the value of a
// kConfig record. Little-endian; docs/file-format.md is the authority.
//
//   0       2    4     8        16
//   +-------+----+-----+--------+---------+
//   |version|zero|count|election|members  |
//   |u16    |u16 |u32  |us u64  |         |
//   +-------+----+-----+--------+---------+
//
//   member: 0       8         24   25   26        28          30
//           +-------+---------+----+----+---------+-----------+------------+--------------+
//           |node_id|node_uuid|role|zero|peer size|client size|peer address|client address|
//           |u64    |2 x u64  |u8  |u8  |u16      |u16        |            |              |
//           +-------+---------+----+----+---------+-----------+------------+--------------+
struct Membership {
  std::uint64_t election_us = 0;
  std::vector<Member> members = {};  // ascending by node_id, each once
  friend bool operator==(const Membership&, const Membership&) = default;
};
inline constexpr std::uint16_t kMembershipVersion = 1;
inline constexpr std::size_t kMembersMax = 64;
inline constexpr std::size_t kAddressSizeMax = 262;  // a name of 255 bytes, ':', five digits, and 1

// As few bytes as an address can have: h:1. Whether it leads anywhere is not for here.
bool is_address(std::string_view text);
// Whether it can be encoded: order, sizes, nothing that is 0 and must not be.
bool is_well_formed(const Membership& membership);
// Of a well-formed one.
std::string encode_membership(const Membership& membership);
// kCorruption, kNewerFormat.
Result<Membership> decode_membership(std::string_view bytes);

}  // namespace kv::format
