#include "format/hard_state.h"

#include <fmt/format.h>

#include "base/checksum.h"
#include "base/endian.h"
#include "format/damage.h"

namespace kv::format {
namespace {

using base::load_le;
using base::store_le;

constexpr std::size_t kMagicAt = 0;
constexpr std::size_t kVersionAt = 4;
constexpr std::size_t kQuarantinedAt = 6;
constexpr std::size_t kGenerationAt = 8;
constexpr std::size_t kDatabaseAt = 16;
constexpr std::size_t kTermAt = 24;
constexpr std::size_t kVotedForAt = 32;
constexpr std::size_t kClaimedTermAt = 40;
constexpr std::size_t kClaimedSeqAt = 48;
constexpr std::size_t kCommitHintAt = 56;
constexpr std::size_t kCommitHintTermAt = 64;
constexpr std::size_t kCrcAt = 508;
constexpr std::uint16_t kOldVersion = 1;
static_assert(kCrcAt + sizeof(std::uint32_t) == kHardStateSize);

std::string encode(const HardState& state, std::uint16_t version) {
  std::string bytes(kHardStateSize, '\0');
  char* out = bytes.data();
  store_le(out + kMagicAt, kHardStateMagic);
  store_le(out + kVersionAt, version);
  store_le(out + kQuarantinedAt, std::uint8_t{state.is_quarantined});
  store_le(out + kGenerationAt, state.generation);
  store_le(out + kDatabaseAt, state.database_id_hash);
  store_le(out + kTermAt, state.term);
  store_le(out + kVotedForAt, state.voted_for);
  store_le(out + kClaimedTermAt, state.claimed_term);
  store_le(out + kClaimedSeqAt, state.claimed_seq);
  store_le(out + kCommitHintAt, state.commit_hint);
  if (version != kOldVersion) store_le(out + kCommitHintTermAt, state.commit_hint_term);
  store_le(out + kCrcAt, base::crc32c({out, kCrcAt}));
  return bytes;
}

}  // namespace

std::string encode_hard_state(const HardState& state) { return encode(state, kHardStateVersion); }

Result<HardState> decode_hard_state(std::string_view bytes) {
  if (bytes.size() != kHardStateSize) return corruption("hard state: incomplete");
  const char* at = bytes.data();
  if (load_le<std::uint32_t>(at + kMagicAt) != kHardStateMagic) {
    return corruption("hard state: the magic number is wrong");
  }
  // The checksum comes before the version: a damaged version is damage, not a newer program.
  if (load_le<std::uint32_t>(at + kCrcAt) != base::crc32c({at, kCrcAt})) {
    return corruption("hard state: checksum mismatch");
  }
  const auto version = load_le<std::uint16_t>(at + kVersionAt);
  if (version > kHardStateVersion) {
    return newer_format(fmt::format("hard state version {}; this program knows up to {}", version,
                                    kHardStateVersion));
  }
  const std::size_t hint_term_at = version == kOldVersion ? kTermAt : kCommitHintTermAt;
  const HardState state{
      .generation = load_le<std::uint64_t>(at + kGenerationAt),
      .database_id_hash = load_le<std::uint64_t>(at + kDatabaseAt),
      .term = load_le<std::uint64_t>(at + kTermAt),
      .voted_for = load_le<std::uint64_t>(at + kVotedForAt),
      .claimed_term = load_le<std::uint64_t>(at + kClaimedTermAt),
      .claimed_seq = load_le<std::uint64_t>(at + kClaimedSeqAt),
      .commit_hint = load_le<std::uint64_t>(at + kCommitHintAt),
      .commit_hint_term = load_le<std::uint64_t>(at + hint_term_at),
      .is_quarantined = load_le<std::uint8_t>(at + kQuarantinedAt) != 0,
  };
  // Version 0, or a field that is never written: encoding it again finds them.
  if (version == 0 || encode(state, version) != bytes) {
    return corruption("hard state: a field holds what this version never writes");
  }
  return state;
}

}  // namespace kv::format
