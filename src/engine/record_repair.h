#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "engine/index.h"
#include "engine/place.h"
#include "engine/segment_table.h"
#include "format/record.h"
#include "io/file_system.h"
#include "kv/result.h"

namespace kv::engine {

// Puts records back into sealed segments whose bytes are not what was written any more, with what
// another node has of them: a record is the same on every node but for its header's salt, so its
// place, what the index knows, hints and the hash chain stay as they are.
//
// Only newest records are asked for. What is dead, or no record, stays damaged, and is nobody's
// loss; a merge leaves the segment alone.
//
// A crash in the midst leaves the record damaged as it was, or whole. Threads: any one at a time,
// beside readers, writers and merges.
class RecordRepair {
 public:
  // A key whose newest record cannot be read, and where that lies.
  struct Loss {
    std::string key;
    Place place;
  };
  RecordRepair(io::FileSystem& fs, SegmentTable& table, const Index& index)
      : fs_(fs), table_(table), index_(index) {}

  // The keys with their newest record in one of these segments, given by their slots, that cannot
  // be read; at most `max`. Reads all of the segments' newest records. `snapshot`: of now.
  std::vector<Loss> find(const std::set<std::uint32_t>& slots, const Index::Snapshot& snapshot,
                         std::size_t max) const;

  // `header`, `value`: of the key's newest record as another node has it, as of a moment at which
  // that node had applied all that this one has. False: there is nothing to be done any more, the
  // key has another place. kCorruption: that is not the record that was here. kIo, kNoSpace.
  Result<bool> restore(const Loss& loss, const format::RecordHeader& header,
                       std::string_view value) const;

 private:
  bool is_readable(Segment& segment, std::string_view key, Place place, std::string& buffer) const;

  io::FileSystem& fs_;
  SegmentTable& table_;
  const Index& index_;
};

}  // namespace kv::engine
