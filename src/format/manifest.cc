#include "format/manifest.h"

#include <optional>

#include <fmt/format.h>

#include "base/check.h"
#include "base/checksum.h"
#include "base/endian.h"
#include "format/damage.h"

namespace kv::format {
namespace {

using base::load_le;
using base::store_le;

constexpr std::size_t kMagicAt = 0;
constexpr std::size_t kVersionAt = 4;
constexpr std::size_t kNumberAt = 8;
constexpr std::size_t kDatabaseAt = 16;
constexpr std::size_t kCrcAt = 60;
static_assert(kCrcAt + sizeof(std::uint32_t) == kManifestHeaderSize);

// Frames begin at multiples of 8, so that no write boundary of a disk cuts a frame's head in two.
constexpr std::size_t kFrameAlignment = 8;
constexpr std::size_t kFrameSizeAt = 4;

std::uint32_t frame_crc(std::uint64_t manifest_number, std::string_view size_and_edits) {
  char salt[sizeof manifest_number];
  store_le(salt, manifest_number);
  return base::crc32c_extend(base::crc32c({salt, sizeof salt}), size_and_edits);
}

bool is_zero(std::string_view bytes) {
  return bytes.find_first_not_of('\0') == std::string_view::npos;
}

// The size a frame states, when a frame could have it.
std::optional<std::size_t> stated_size(std::string_view bytes) {
  if (bytes.size() < kFrameHeadSize) return std::nullopt;
  const auto size = load_le<std::uint32_t>(bytes.data() + kFrameSizeAt);
  if (size == 0 || size > kFrameSizeMax || size % kFrameAlignment != 0) return std::nullopt;
  return size;
}

// The edits of the frame at the front of `bytes`, or nothing when it is not whole and intact.
std::optional<std::string_view> intact_edits(std::string_view bytes,
                                             std::uint64_t manifest_number) {
  const auto size = stated_size(bytes);
  if (!size || bytes.size() - kFrameHeadSize < *size) return std::nullopt;
  const std::string_view checked = bytes.substr(kFrameSizeAt, sizeof(std::uint32_t) + *size);
  if (load_le<std::uint32_t>(bytes.data()) != frame_crc(manifest_number, checked)) {
    return std::nullopt;
  }
  return bytes.substr(kFrameHeadSize, *size);
}

// Whether the bad frame at the front of `rest` is one whose write was never finished. A later frame
// was only ever written after this one was synced, so one valid frame behind it proves damage. A
// head of zeros, or another that states no size, was never written either.
bool is_torn(std::string_view rest, std::uint64_t manifest_number) {
  for (std::size_t at = kFrameAlignment; at < rest.size(); at += kFrameAlignment) {
    if (intact_edits(rest.substr(at), manifest_number)) return false;
  }
  const auto size = stated_size(rest);
  if (!size || rest.size() - kFrameHeadSize <= *size) return true;
  return is_zero(rest.substr(kFrameHeadSize + *size));
}

tl::unexpected<Error> at_offset(Error error, std::uint64_t offset) {
  error.context = fmt::format("manifest at {}: {}", offset, error.context);
  return tl::unexpected(std::move(error));
}

Result<void> apply_frame(std::string_view edits, ManifestState& state) {
  while (!edits.empty() && edits.front() != '\0') {
    auto edit = decode_edit(edits);
    if (!edit) return tl::unexpected(std::move(edit).error());
    if (auto applied = state.apply(*edit); !applied) return applied;
  }
  if (edits.size() >= kFrameAlignment || !is_zero(edits)) {
    return corruption("a frame's padding is not what is ever written");
  }
  return {};
}

Result<ManifestContent> decode_header(std::string_view content) {
  if (content.size() < kManifestHeaderSize) {
    return corruption(
        fmt::format("manifest header: {} of {} bytes", content.size(), kManifestHeaderSize));
  }
  const char* at = content.data();
  if (load_le<std::uint32_t>(at + kMagicAt) != kManifestMagic) {
    return corruption("manifest header: not a manifest, the magic number is wrong");
  }
  if (load_le<std::uint32_t>(at + kCrcAt) != base::crc32c({at, kCrcAt})) {
    return corruption("manifest header: checksum mismatch");
  }
  const auto version = load_le<std::uint16_t>(at + kVersionAt);
  if (version > kManifestVersion) {
    return newer_format(
        fmt::format("manifest version {}; this program knows up to {}", version, kManifestVersion));
  }
  ManifestContent found;
  found.manifest_number = load_le<std::uint64_t>(at + kNumberAt);
  found.database_id_hash = load_le<std::uint64_t>(at + kDatabaseAt);
  found.valid_size = kManifestHeaderSize;
  if (encode_manifest_header(found.manifest_number, found.database_id_hash) !=
      content.substr(0, kManifestHeaderSize)) {
    return corruption("manifest header: a field holds what this version never writes");
  }
  return found;
}

}  // namespace

std::string encode_manifest_header(std::uint64_t manifest_number, std::uint64_t database_id_hash) {
  std::string bytes(kManifestHeaderSize, '\0');
  char* out = bytes.data();
  store_le(out + kMagicAt, kManifestMagic);
  store_le(out + kVersionAt, kManifestVersion);
  store_le(out + kNumberAt, manifest_number);
  store_le(out + kDatabaseAt, database_id_hash);
  store_le(out + kCrcAt, base::crc32c({out, kCrcAt}));
  return bytes;
}

void append_edits(std::string& out, std::span<const Edit> edits, std::uint64_t manifest_number) {
  KV_CHECK(!edits.empty());
  const std::size_t start = out.size();
  out.append(kFrameHeadSize, '\0');
  for (const Edit& edit : edits) encode_edit(out, edit);
  std::size_t size = out.size() - start - kFrameHeadSize;
  size = (size + kFrameAlignment - 1) / kFrameAlignment * kFrameAlignment;
  KV_CHECK(size <= kFrameSizeMax);
  out.resize(start + kFrameHeadSize + size, '\0');
  char* head = out.data() + start;
  store_le(head + kFrameSizeAt, static_cast<std::uint32_t>(size));
  store_le(head, frame_crc(manifest_number, {head + kFrameSizeAt, sizeof(std::uint32_t) + size}));
}

void append_edit(std::string& out, const Edit& edit, std::uint64_t manifest_number) {
  append_edits(out, {&edit, 1}, manifest_number);
}

Result<ManifestContent> decode_manifest(std::string_view content) {
  auto found = decode_header(content);
  if (!found) return found;
  while (found->valid_size < content.size()) {
    const std::string_view rest = content.substr(found->valid_size);
    const auto edits = intact_edits(rest, found->manifest_number);
    if (!edits && is_torn(rest, found->manifest_number)) break;
    if (!edits) {
      return at_offset({.code = Errc::kCorruption, .context = "a frame is damaged"},
                       found->valid_size);
    }
    if (auto applied = apply_frame(*edits, found->state); !applied) {
      return at_offset(std::move(applied).error(), found->valid_size);
    }
    found->valid_size += kFrameHeadSize + edits->size();
  }
  return found;
}

}  // namespace kv::format
