#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/data_directory.h"
#include "engine/segment_scan.h"
#include "format/hint.h"
#include "format/manifest.h"
#include "kv/event.h"
#include "kv/result.h"

namespace kv::engine {

// A hint's content, checked, and the reader of it.
struct OpenHint {
  std::unique_ptr<const std::string> content;
  format::HintReader reader;

  static Result<OpenHint> open(std::string content);
};

// One segment on its way into the index.
struct LoadedSegment {
  format::SegmentInfo info;  // sealed values, once known
  std::string path;
  format::SegmentHeader header;
  std::optional<OpenHint> keys;  // always, once loaded
  bool is_by_hint = false;
  std::vector<DamagedRange> damaged;
  std::uint64_t bytes_lost = 0;  // the file is shorter by so much, and its hint knows the keys
};

// A sealed segment's keys, by its hint if it is valid for exactly these bytes, else by a scan; a
// scan that found no damage writes the hint anew. A missing or shortened file is damage, not an
// error. May run in many threads for many segments. Tells `listener` (which may be null) of every
// finding.
Result<LoadedSegment> load_sealed(DataDirectory& dir, const format::SegmentInfo& info,
                                  EventListener* listener);

// The header as it lies in the file or, where it is damaged, as the MANIFEST allows to rebuild it.
// `first_sequence` and `chain` are the ones expected.
Result<format::SegmentHeader> load_header(const io::File& file, const DataDirectory& dir,
                                          const format::SegmentInfo& info,
                                          std::uint64_t first_sequence, std::uint64_t chain,
                                          EventListener* listener);

format::HintBinding binding_of(const format::SegmentInfo& info, std::uint64_t salt);

// Scans the segment and returns its keys as a hint's content.
Result<SegmentScan> scan_keys(const io::File& file, const ScanRequest& request,
                              class SegmentKeys& keys);

// The key filter of the segment's hint; kCorruption unless the hint belongs to exactly this state
// of it. Reads no entry.
Result<std::string> read_hint_filter(DataDirectory& dir, const format::SegmentInfo& info);

// Writes a hint file; a failure is told and otherwise harmless, since a hint is never the
// authority.
void write_hint(io::FileSystem& fs, const std::string& path, std::string_view content,
                EventListener* listener);

}  // namespace kv::engine
