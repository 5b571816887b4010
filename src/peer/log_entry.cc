#include "peer/log_entry.h"

#include <algorithm>
#include <string>

#include "base/check.h"
#include "base/checksum.h"
#include "kv/options.h"

namespace kv::peer {
namespace {

using format::RecordHeader;
using format::RecordType;

// From the lowest bit on: body_crc 32, key_size 17, bytes of padding 3, type 6, flags 6.
constexpr unsigned kKeySizeShift = 32;
constexpr unsigned kPaddingShift = 49;
constexpr unsigned kTypeShift = 52;
constexpr unsigned kFlagsShift = 58;
constexpr std::uint64_t kKeySizeMask = (1u << (kPaddingShift - kKeySizeShift)) - 1;
constexpr std::uint64_t kPaddingMask = (1u << (kTypeShift - kPaddingShift)) - 1;
constexpr std::uint64_t kTypeMask = (1u << (kFlagsShift - kTypeShift)) - 1;
constexpr std::uint64_t kFlagsMask = (1u << (64 - kFlagsShift)) - 1;
static_assert(kKeySizeMax <= kKeySizeMask);
static_assert(format::kRecordAlignment - 1 <= kPaddingMask);
static_assert(static_cast<std::uint64_t>(RecordType::kConfig) <= kTypeMask);

std::uint64_t digest_of(const RecordHeader& header) {
  const auto type = static_cast<std::uint64_t>(header.type);
  KV_CHECK(header.key_size <= kKeySizeMask);
  KV_CHECK(type <= kTypeMask && header.flags <= kFlagsMask);
  const std::uint64_t padding =
      format::record_size(header) - format::kRecordHeaderSize - header.key_size - header.value_size;
  return std::uint64_t{header.body_crc} | std::uint64_t{header.key_size} << kKeySizeShift |
         padding << kPaddingShift | type << kTypeShift | std::uint64_t{header.flags} << kFlagsShift;
}

}  // namespace

raft::Payload payload_of(const RecordHeader& header) {
  return {.size = format::record_size(header), .digest = digest_of(header)};
}

raft::Entry entry_of(const RecordHeader& header) {
  raft::Entry entry{.term = header.term,
                    .seq = header.sequence,
                    .size = format::record_size(header),
                    .digest = digest_of(header)};
  if (header.type == RecordType::kNoop) entry.kind = raft::EntryKind::kNoop;
  if (header.type == RecordType::kConfig) entry.kind = raft::EntryKind::kConfig;
  return entry;
}

RecordHeader header_of(const raft::Entry& entry) {
  RecordHeader header{.term = entry.term, .sequence = entry.seq};
  if (entry.kind == raft::EntryKind::kNoop) {
    header.type = RecordType::kNoop;
    header.body_crc = base::crc32c({});
    return header;
  }
  KV_CHECK(entry.digest != 0);
  header.type = static_cast<RecordType>(entry.digest >> kTypeShift & kTypeMask);
  header.flags = static_cast<std::uint8_t>(entry.digest >> kFlagsShift & kFlagsMask);
  header.key_size = static_cast<std::uint32_t>(entry.digest >> kKeySizeShift & kKeySizeMask);
  header.body_crc = static_cast<std::uint32_t>(entry.digest);
  const std::uint64_t padding = entry.digest >> kPaddingShift & kPaddingMask;
  header.value_size = static_cast<std::uint32_t>(entry.size - format::kRecordHeaderSize -
                                                 header.key_size - padding);
  return header;
}

std::uint64_t extend_chain(std::uint64_t chain, const raft::Entry& entry,
                           std::span<const format::Member> known) {
  const bool is_own_config = entry.kind == raft::EntryKind::kConfig && entry.digest == 0;
  if (!is_own_config) return format::extend_chain(chain, header_of(entry));
  KV_CHECK(entry.config != nullptr);
  const auto membership = membership_of(*entry.config, known);
  KV_CHECK(membership.has_value());
  const std::string value = format::encode_membership(*membership);
  return format::extend_chain(chain, {.type = RecordType::kConfig,
                                      .value_size = static_cast<std::uint32_t>(value.size()),
                                      .body_crc = base::crc32c(value),
                                      .term = entry.term,
                                      .sequence = entry.seq});
}

std::optional<format::Membership> membership_of(const raft::Config& config,
                                                std::span<const format::Member> known) {
  format::Membership membership{.election_us = config.election_us};
  const auto add = [&](raft::NodeId node, format::MemberRole role) {
    const auto found =
        std::ranges::find(known, static_cast<std::uint64_t>(node), &format::Member::node_id);
    if (found == known.end()) return false;
    membership.members.push_back(*found);
    membership.members.back().role = role;
    return true;
  };
  for (const raft::NodeId node : config.voters) {
    if (!add(node, format::MemberRole::kVoter)) return std::nullopt;
  }
  for (const raft::NodeId node : config.learners) {
    if (!add(node, format::MemberRole::kLearner)) return std::nullopt;
  }
  std::ranges::sort(membership.members, {}, &format::Member::node_id);
  return membership;
}

raft::Config config_of(const format::Membership& membership) {
  raft::Config config;
  config.election_us = membership.election_us;
  for (const format::Member& member : membership.members) {
    auto& list = member.role == format::MemberRole::kVoter ? config.voters : config.learners;
    list.push_back(raft::NodeId{member.node_id});
  }
  return config;
}

}  // namespace kv::peer
