#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "format/segment.h"

namespace kv::format {

// Names of the files in a data directory, built and parsed side by side.
inline constexpr std::string_view kLockName = "LOCK";
inline constexpr std::string_view kIdentityName = "IDENTITY";
inline constexpr std::string_view kCurrentName = "CURRENT";
inline constexpr std::string_view kCheckpointName = "CHECKPOINT";
inline constexpr std::string_view kHardStateName = "HARDSTATE";
inline constexpr std::string_view kMembersName = "MEMBERS";
inline constexpr std::string_view kLostFoundName = "lost+found";
inline constexpr std::string_view kIncomingName = "incoming";
// What io writes before it renames it to a name above or below.
inline constexpr std::string_view kTemporarySuffix = ".tmp";

std::string segment_name(SegmentId id);           // 000001.seg
std::string hint_name(SegmentId id);              // 000001.hint
std::string manifest_name(std::uint64_t number);  // MANIFEST-000001

enum class FileKind {
  kLock,
  kIdentity,
  kCurrent,
  kCheckpoint,
  kHardState,
  kMembers,
  kLostFound,
  kIncoming,
  kSegment,
  kHint,
  kManifest,
  kTemporary,
  kForeign
};
struct ParsedName {
  FileKind kind = FileKind::kForeign;
  std::uint64_t number = 0;  // of a segment, hint or manifest
};
// Exactly the names that the functions above make, and those with kTemporarySuffix; all else is
// kForeign, a name with a digit too few or too many as well.
ParsedName parse_name(std::string_view name);

}  // namespace kv::format
