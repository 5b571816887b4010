#include "format/membership.h"

#include <algorithm>
#include <functional>
#include <set>

#include <fmt/format.h>

#include "base/check.h"
#include "base/endian.h"
#include "format/damage.h"
#include "format/record.h"

namespace kv::format {
namespace {

using base::append_le;
using base::load_le;

constexpr std::size_t kHeadSize = 16;
constexpr std::size_t kMemberHeadSize = 30;
static_assert(kHeadSize + kMembersMax * (kMemberHeadSize + 2 * kAddressSizeMax) <= kConfigSizeMax);

bool is_member(const Member& member) {
  return member.node_id != 0 &&
         (member.role == MemberRole::kVoter || member.role == MemberRole::kLearner) &&
         is_address(member.peer_address) &&
         (member.client_address.empty() || is_address(member.client_address));
}

tl::unexpected<Error> bad(std::string_view reason) {
  return corruption(fmt::format("membership: {}", reason));
}

// Takes `size` bytes off the front of `bytes`, which has them.
std::string take(std::string_view& bytes, std::size_t size) {
  std::string taken(bytes.substr(0, size));
  bytes.remove_prefix(size);
  return taken;
}

}  // namespace

bool is_address(std::string_view text) {
  return text.size() >= 3 && text.size() <= kAddressSizeMax &&
         std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 0x7f; });
}

bool is_well_formed(const Membership& membership) {
  const auto& members = membership.members;
  const auto is_before = [](const Member& a, const Member& b) { return a.node_id < b.node_id; };
  std::set<base::Uuid> uuids;
  for (const Member& member : members) {
    if (!is_member(member)) return false;
    if (!member.node_uuid.is_nil() && !uuids.insert(member.node_uuid).second) return false;
  }
  return membership.election_us > 0 && members.size() <= kMembersMax &&
         std::adjacent_find(members.begin(), members.end(), std::not_fn(is_before)) ==
             members.end();
}

std::string encode_membership(const Membership& membership) {
  KV_CHECK(is_well_formed(membership));
  std::string out;
  append_le(out, kMembershipVersion);
  append_le(out, std::uint16_t{0});
  append_le(out, static_cast<std::uint32_t>(membership.members.size()));
  append_le(out, membership.election_us);
  for (const Member& member : membership.members) {
    append_le(out, member.node_id);
    append_le(out, member.node_uuid.high);
    append_le(out, member.node_uuid.low);
    append_le(out, static_cast<std::uint8_t>(member.role));
    append_le(out, std::uint8_t{0});
    append_le(out, static_cast<std::uint16_t>(member.peer_address.size()));
    append_le(out, static_cast<std::uint16_t>(member.client_address.size()));
    out.append(member.peer_address).append(member.client_address);
  }
  return out;
}

Result<Membership> decode_membership(std::string_view bytes) {
  const std::string_view whole = bytes;
  if (bytes.size() < kHeadSize) return bad("incomplete");
  const auto version = load_le<std::uint16_t>(bytes.data());
  if (version > kMembershipVersion) {
    return newer_format(fmt::format("membership version {}; this program knows up to {}", version,
                                    kMembershipVersion));
  }
  const auto count = load_le<std::uint32_t>(bytes.data() + 4);
  if (count > kMembersMax) return bad("too many members");
  Membership found{.election_us = load_le<std::uint64_t>(bytes.data() + 8)};
  bytes.remove_prefix(kHeadSize);
  for (std::uint32_t i = 0; i < count; ++i) {
    if (bytes.size() < kMemberHeadSize) return bad("incomplete");
    const char* at = bytes.data();
    Member member{
        .node_id = load_le<std::uint64_t>(at),
        .node_uuid = {load_le<std::uint64_t>(at + 8), load_le<std::uint64_t>(at + 16)},
        .role = static_cast<MemberRole>(load_le<std::uint8_t>(at + 24)),
    };
    const std::size_t peer_size = load_le<std::uint16_t>(at + 26);
    const std::size_t client_size = load_le<std::uint16_t>(at + 28);
    bytes.remove_prefix(kMemberHeadSize);
    if (bytes.size() < peer_size + client_size) return bad("incomplete");
    member.peer_address = take(bytes, peer_size);
    member.client_address = take(bytes, client_size);
    found.members.push_back(std::move(member));
  }
  // Version 0, a zero that is none, or bytes behind the end: encoding it again finds them.
  if (!is_well_formed(found) || encode_membership(found) != whole) {
    return bad("a field holds what this version never writes");
  }
  return found;
}

}  // namespace kv::format
