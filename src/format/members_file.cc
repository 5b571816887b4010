#include "format/members_file.h"

#include <utility>

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
constexpr std::size_t kJoinedAt = 6;
constexpr std::size_t kDatabaseAt = 8;
constexpr std::size_t kCrcAt = 16;
constexpr std::size_t kCrcEnd = kCrcAt + sizeof(std::uint32_t);
constexpr std::size_t kConfigAt = 24;
constexpr std::size_t kSequenceAt = 32;
static_assert(kSequenceAt + sizeof(std::uint64_t) == kMembersHeaderSize);

constexpr std::uint16_t kOldVersion = 1;
constexpr std::size_t kOldHeaderSize = kCrcEnd;

std::uint32_t crc_of(std::string_view bytes) {
  return base::crc32c_extend(base::crc32c(bytes.substr(0, kCrcAt)), bytes.substr(kCrcEnd));
}

std::string encode(const MembersFile& file, std::uint16_t version) {
  std::string bytes(version == kOldVersion ? kOldHeaderSize : kMembersHeaderSize, '\0');
  bytes += encode_membership(file.membership);
  char* out = bytes.data();
  store_le(out + kMagicAt, kMembersMagic);
  store_le(out + kVersionAt, version);
  store_le(out + kDatabaseAt, file.database_id_hash);
  if (version != kOldVersion) {
    store_le(out + kJoinedAt, static_cast<std::uint16_t>(file.has_joined));
    store_le(out + kConfigAt, file.config_sequence);
    store_le(out + kSequenceAt, file.sequence);
  }
  store_le(out + kCrcAt, crc_of(bytes));
  return bytes;
}

}  // namespace

std::string encode_members_file(const MembersFile& file) { return encode(file, kMembersVersion); }

Result<MembersFile> decode_members_file(std::string_view bytes) {
  if (bytes.size() < kOldHeaderSize) return corruption("members: incomplete");
  const char* at = bytes.data();
  if (load_le<std::uint32_t>(at + kMagicAt) != kMembersMagic) {
    return corruption("members: the magic number is wrong");
  }
  // The checksum comes before the version: a damaged version is damage, not a newer program.
  if (load_le<std::uint32_t>(at + kCrcAt) != crc_of(bytes)) {
    return corruption("members: checksum mismatch");
  }
  const auto version = load_le<std::uint16_t>(at + kVersionAt);
  if (version > kMembersVersion) {
    return newer_format(
        fmt::format("members version {}; this program knows up to {}", version, kMembersVersion));
  }
  const std::size_t head = version == kOldVersion ? kOldHeaderSize : kMembersHeaderSize;
  if (bytes.size() < head) return corruption("members: incomplete");
  auto membership = decode_membership(bytes.substr(head));
  if (!membership) return tl::unexpected(std::move(membership).error());
  MembersFile file{.database_id_hash = load_le<std::uint64_t>(at + kDatabaseAt),
                   .membership = std::move(*membership)};
  if (version != kOldVersion) {
    file.has_joined = load_le<std::uint16_t>(at + kJoinedAt) != 0;
    file.config_sequence = load_le<std::uint64_t>(at + kConfigAt);
    file.sequence = load_le<std::uint64_t>(at + kSequenceAt);
  }
  // Version 0, or a field that is never written: encoding it again finds them.
  const bool can_be = version != 0 && file.config_sequence <= file.sequence;
  if (!can_be || encode(file, version) != bytes) {
    return corruption("members: a field holds what this version never writes");
  }
  return file;
}

}  // namespace kv::format
