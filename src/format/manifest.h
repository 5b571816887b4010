#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "kv/result.h"

#include "format/segment.h"

namespace kv::format {

// The MANIFEST is a header and then edits, each framed with size and checksum; the database's set of
// segments is what the edits, applied in order, say. An edit is real once it is synced.

struct AddSegment {
  SegmentId id{};
  SegmentKind kind = SegmentKind::kLog;
  std::uint64_t first_sequence = 0;
};
struct SealSegment {
  SegmentId id{};
  std::uint64_t size = 0;  // bytes that count; whatever lies behind them does not
  std::uint64_t records = 0;
  std::uint64_t first_sequence = 0;
  std::uint64_t last_sequence = 0;
  std::uint64_t end_chain = 0;
};
// A damaged range of a segment. Blind: not every key in it could be told.
struct Quarantine {
  SegmentId id{};
  std::uint64_t offset = 0;
  std::uint64_t size = 0;
  std::uint64_t first_sequence = 0;  // of what may have been there
  std::uint64_t last_sequence = 0;
  bool is_blind = false;
};
// The commit point of a merge: outputs (added and sealed before) replace inputs.
struct MergeSegments {
  std::vector<SegmentId> inputs;
  std::vector<SegmentId> outputs;
  std::uint64_t tombstone_floor = 0;  // newest tombstone dropped so far
};
// Everything up to this sequence belongs to an earlier open; the next record gets a higher one.
struct SequenceFloor {
  std::uint64_t sequence = 0;
};

using Edit = std::variant<AddSegment, SealSegment, Quarantine, MergeSegments, SequenceFloor>;

inline constexpr std::size_t kManifestHeaderSize = 64;
std::string encode_manifest_header(std::uint64_t manifest_number, std::uint64_t database_id_hash);
// Framed and checksummed (with the manifest's number mixed in).
void append_edit(std::string& out, const Edit& edit, std::uint64_t manifest_number);

struct SegmentInfo {
  SegmentId id{};
  SegmentKind kind = SegmentKind::kLog;
  bool is_sealed = false;
  std::uint64_t size = 0;  // sealed only, as the next four
  std::uint64_t records = 0;
  std::uint64_t first_sequence = 0;
  std::uint64_t last_sequence = 0;
  std::uint64_t end_chain = 0;
};

// The set of segments after a run of edits.
struct ManifestState {
  std::map<SegmentId, SegmentInfo> segments;
  std::vector<Quarantine> quarantines;
  std::uint64_t next_segment = 1;  // id no edit has used yet
  std::uint64_t tombstone_floor = 0;
  std::uint64_t sequence_floor = 0;
  bool operator==(const ManifestState&) const;

  // kCorruption when the edit contradicts the state (seals an unknown segment, adds one twice, ...).
  Result<void> apply(const Edit& edit);
  // Edits that build this state from nothing: the beginning of the next MANIFEST.
  std::vector<Edit> edits() const;
};

struct ManifestContent {
  ManifestState state;
  std::uint64_t manifest_number = 0;
  std::uint64_t database_id_hash = 0;
  std::uint64_t valid_size = 0;  // bytes of whole edits; a torn last edit (never relied on) lies behind
};
// kCorruption with the offset when an edit that was complete is damaged; kNewerFormat.
Result<ManifestContent> decode_manifest(std::string_view content);

}  // namespace kv::format
