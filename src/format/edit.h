#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "format/segment.h"
#include "kv/result.h"

namespace kv::format {

// What a MANIFEST says happened, one fact each.

struct AddSegment {
  SegmentId id{};
  SegmentKind kind = SegmentKind::kLog;
  std::uint64_t salt = 0;  // as in its header, so that a damaged header takes nothing else with it
  bool operator==(const AddSegment&) const = default;
};
struct SealSegment {
  SegmentId id{};
  std::uint64_t size = 0;  // bytes that count; whatever lies behind them does not
  std::uint64_t records = 0;
  std::uint64_t first_sequence = 0;
  std::uint64_t last_sequence = 0;
  std::uint64_t end_chain = 0;
  bool operator==(const SealSegment&) const = default;
};
// A damaged range of a segment. Blind: not every key in it could be told.
struct Quarantine {
  SegmentId id{};
  std::uint64_t offset = 0;
  std::uint64_t size = 0;
  std::uint64_t first_sequence = 0;  // of what may have been there
  std::uint64_t last_sequence = 0;
  bool is_blind = false;
  bool operator==(const Quarantine&) const = default;
};
// The commit point of a merge: outputs (added and sealed before) replace inputs.
struct MergeSegments {
  std::vector<SegmentId> inputs;
  std::vector<SegmentId> outputs;
  std::uint64_t tombstone_floor = 0;  // newest tombstone dropped so far
  bool operator==(const MergeSegments&) const = default;
};
// Everything up to this sequence belongs to an earlier open; the next record gets a higher one.
struct SequenceFloor {
  std::uint64_t sequence = 0;
  bool operator==(const SequenceFloor&) const = default;
};
// Every id below was used, also by segments that are gone.
struct SegmentFloor {
  std::uint64_t next_segment = 1;
  bool operator==(const SegmentFloor&) const = default;
};

// What lies behind `size` in a segment that is not sealed was taken back: its records were never
// committed, and others have their sequences now. The records before it end with `last_sequence`.
struct CutSegment {
  SegmentId id{};
  std::uint64_t size = 0;
  std::uint64_t last_sequence = 0;
  bool operator==(const CutSegment&) const = default;
};

// Of a cluster: nobody needs the records up to here as a log any more, so merges may have them.
// What comes behind continues from this point.
struct LogFloor {
  std::uint64_t term = 0;
  std::uint64_t sequence = 0;
  std::uint64_t chain = 0;
  bool operator==(const LogFloor&) const = default;
};

using Edit = std::variant<AddSegment, SealSegment, Quarantine, MergeSegments, SequenceFloor,
                          SegmentFloor, CutSegment, LogFloor>;

// Appends the edit's type and fields, without a frame. Deterministic: equal edits, equal bytes.
void encode_edit(std::string& out, const Edit& edit);

// Takes one edit off the front of `bytes`, whose checksum was right. kNewerFormat for a type this
// version does not know; kCorruption for fields no version writes.
Result<Edit> decode_edit(std::string_view& bytes);

}  // namespace kv::format
