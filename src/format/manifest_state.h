#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <vector>

#include "format/edit.h"
#include "format/segment.h"
#include "kv/result.h"

namespace kv::format {

struct SegmentInfo {
  SegmentId id{};
  SegmentKind kind = SegmentKind::kLog;
  std::uint64_t salt = 0;
  bool is_sealed = false;
  std::uint64_t size = 0;  // sealed only, as the next four
  std::uint64_t records = 0;
  std::uint64_t first_sequence = 0;
  std::uint64_t last_sequence = 0;
  std::uint64_t end_chain = 0;
  std::uint64_t cut_size = 0;      // not sealed: bytes that count at most; 0: it was never cut
  std::uint64_t cut_sequence = 0;  // and the last sequence in them
  bool operator==(const SegmentInfo&) const = default;

  // Of a file that is so long.
  std::uint64_t size_that_counts(std::uint64_t file_size) const {
    if (is_sealed) return std::min(file_size, size);
    return cut_size != 0 ? std::min(file_size, cut_size) : file_size;
  }
};

// The set of segments after a run of edits.
struct ManifestState {
  std::map<SegmentId, SegmentInfo> segments;
  std::vector<Quarantine> quarantines;
  std::uint64_t next_segment = 1;  // id no edit has used yet
  std::uint64_t tombstone_floor = 0;
  std::uint64_t sequence_floor = 0;
  LogFloor log_floor;
  bool operator==(const ManifestState&) const = default;

  // kCorruption, and the state as before, when the edit contradicts it: adds a segment that is
  // there, seals or cuts one that is sealed or not there, merges one that is not sealed or holds a
  // quarantined range. Floors only rise, cuts only get shorter; a quarantine said twice counts
  // once.
  Result<void> apply(const Edit& edit);
  // Edits that build this state from nothing: the beginning of the next MANIFEST.
  std::vector<Edit> edits() const;
};

}  // namespace kv::format
