#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/damage.h"
#include "engine/read_pace.h"
#include "engine/segment_keys.h"
#include "format/manifest_state.h"
#include "io/file_system.h"
#include "kv/result.h"
#include "kv/verify.h"

namespace kv::engine {

// What a look at every byte of one segment and its hint found.
struct SegmentCheck {
  std::vector<Finding> findings;
  std::vector<std::string> notes;
  std::uint64_t records = 0;
  std::uint64_t bytes = 0;  // read
  bool has_hint = false;
  SegmentKeys keys;  // of a sealed segment without a hint in which all is sound
  // The system refused to read some of the segment: what its records are is not known. That may
  // pass; damage does not.
  bool is_unreadable = false;
};

struct SegmentChecker {
  io::FileSystem& fs;
  const std::string& dir;
  std::uint64_t database_id_hash = 0;
  ReadPace& pace;

  // A sealed segment: header, every record, sequences, hash chain, what the MANIFEST says of it,
  // and its hint, if there is one, entry by entry. What the system refuses to read is a finding,
  // too. kClosed when the pace says stop. Changes nothing; any thread.
  Result<SegmentCheck> check_sealed(const format::SegmentInfo& info) const;
  // One that takes or took records: a torn tail is a note. `synced` is the highest sequence that
  // other segments prove to have been on the disk.
  Result<SegmentCheck> check_unsealed(const format::SegmentInfo& info, std::uint64_t synced) const;
};

// The header as `file` has it, or the one the MANIFEST lets expect, with a finding.
Result<format::SegmentHeader> read_header(const io::File& file, const format::SegmentInfo& info,
                                          std::uint64_t database_id_hash,
                                          std::vector<Finding>& findings);

// Adds the keys that the hint of the sealed segment `info` knows to have lain in `damaged`. A hint
// has each key's newest record, so that no key is unknown then. Without an intact hint of exactly
// this segment nothing changes.
void name_keys_by_hint(io::FileSystem& fs, const std::string& dir, const format::SegmentInfo& info,
                       std::vector<DamagedRange>& damaged);

Finding finding_of(const std::string& path, const DamagedRange& range);

}  // namespace kv::engine
