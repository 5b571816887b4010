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
constexpr std::size_t kDatabaseAt = 8;
constexpr std::size_t kCrcAt = 16;
static_assert(kCrcAt + sizeof(std::uint32_t) == kMembersHeaderSize);

std::uint32_t crc_of(std::string_view bytes) {
  return base::crc32c_extend(base::crc32c(bytes.substr(0, kCrcAt)),
                             bytes.substr(kMembersHeaderSize));
}

}  // namespace

std::string encode_members_file(const MembersFile& file) {
  std::string bytes(kMembersHeaderSize, '\0');
  bytes += encode_membership(file.membership);
  char* out = bytes.data();
  store_le(out + kMagicAt, kMembersMagic);
  store_le(out + kVersionAt, kMembersVersion);
  store_le(out + kDatabaseAt, file.database_id_hash);
  store_le(out + kCrcAt, crc_of(bytes));
  return bytes;
}

Result<MembersFile> decode_members_file(std::string_view bytes) {
  if (bytes.size() < kMembersHeaderSize) return corruption("members: incomplete");
  const char* at = bytes.data();
  if (load_le<std::uint32_t>(at + kMagicAt) != kMembersMagic) {
    return corruption("members: the magic number is wrong");
  }
  // The checksum comes before the version: a damaged version is damage, not a newer program.
  if (load_le<std::uint32_t>(at + kCrcAt) != crc_of(bytes)) {
    return corruption("members: checksum mismatch");
  }
  if (const auto version = load_le<std::uint16_t>(at + kVersionAt); version > kMembersVersion) {
    return newer_format(
        fmt::format("members version {}; this program knows up to {}", version, kMembersVersion));
  }
  auto membership = decode_membership(bytes.substr(kMembersHeaderSize));
  if (!membership) return tl::unexpected(std::move(membership).error());
  const MembersFile file{load_le<std::uint64_t>(at + kDatabaseAt), std::move(*membership)};
  // Version 0, or a field that is never written: encoding it again finds them.
  if (encode_members_file(file) != bytes) {
    return corruption("members: a field holds what this version never writes");
  }
  return file;
}

}  // namespace kv::format
