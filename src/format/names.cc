#include "format/names.h"

#include <charconv>
#include <limits>
#include <optional>

#include <fmt/format.h>

namespace kv::format {
namespace {

constexpr std::string_view kSegmentSuffix = ".seg";
constexpr std::string_view kHintSuffix = ".hint";
constexpr std::string_view kManifestPrefix = "MANIFEST-";

// The number whose text has at least six digits, and more only when it needs them: one number, one
// name.
std::optional<std::uint64_t> parse_number(std::string_view digits, std::uint64_t number_max) {
  std::uint64_t number = 0;
  const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (parsed.ec != std::errc{} || number > number_max) return std::nullopt;
  if (fmt::format("{:06}", number) != digits) return std::nullopt;
  return number;
}

ParsedName numbered(FileKind kind, std::string_view digits, std::uint64_t number_max) {
  const auto number = parse_number(digits, number_max);
  if (!number) return {};
  return {.kind = kind, .number = *number};
}

}  // namespace

std::string segment_name(SegmentId id) {
  return fmt::format("{:06}{}", number(id), kSegmentSuffix);
}

std::string hint_name(SegmentId id) { return fmt::format("{:06}{}", number(id), kHintSuffix); }

std::string manifest_name(std::uint64_t number) {
  return fmt::format("{}{:06}", kManifestPrefix, number);
}

ParsedName parse_name(std::string_view name) {
  constexpr std::uint64_t kSegmentMax = std::numeric_limits<std::uint32_t>::max();
  if (name == kLockName) return {.kind = FileKind::kLock};
  if (name == kIdentityName) return {.kind = FileKind::kIdentity};
  if (name == kCurrentName) return {.kind = FileKind::kCurrent};
  if (name == kCheckpointName) return {.kind = FileKind::kCheckpoint};
  if (name == kHardStateName) return {.kind = FileKind::kHardState};
  if (name == kMembersName) return {.kind = FileKind::kMembers};
  if (name == kLostFoundName) return {.kind = FileKind::kLostFound};
  if (name == kIncomingName) return {.kind = FileKind::kIncoming};
  if (name.starts_with(kManifestPrefix) && !name.ends_with(kTemporarySuffix)) {
    return numbered(FileKind::kManifest, name.substr(kManifestPrefix.size()),
                    std::numeric_limits<std::uint64_t>::max());
  }
  if (name.ends_with(kSegmentSuffix)) {
    return numbered(FileKind::kSegment, name.substr(0, name.size() - kSegmentSuffix.size()),
                    kSegmentMax);
  }
  if (name.ends_with(kHintSuffix)) {
    return numbered(FileKind::kHint, name.substr(0, name.size() - kHintSuffix.size()), kSegmentMax);
  }
  // Only what could have become one of our files: somebody's notes.tmp is not ours to remove.
  if (name.ends_with(kTemporarySuffix)) {
    const ParsedName target = parse_name(name.substr(0, name.size() - kTemporarySuffix.size()));
    if (target.kind != FileKind::kForeign && target.kind != FileKind::kTemporary) {
      return {.kind = FileKind::kTemporary};
    }
  }
  return {};
}

}  // namespace kv::format
