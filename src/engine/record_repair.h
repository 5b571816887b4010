#pragma once

#include <cstdint>
#include <memory>
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
  // A key whose newest record cannot be read, and where that lies: as of a moment, at which all up
  // to `as_of` was applied and nothing else.
  struct Loss {
    std::string key;
    Place place;
    std::weak_ptr<Segment> segment;  // so that who holds this may outlive the store
    std::uint64_t as_of = 0;
  };
  // Through all keys, in steps.
  struct Search {
    std::vector<std::weak_ptr<Segment>> segments;  // sealed ones
    std::string next;                              // key
    bool is_over = false;
    std::vector<Loss> found;
  };
  // A step looks at so many keys, or reads so many bytes, or finds so many losses, about.
  static constexpr std::size_t kKeysPerStep = std::size_t{64} * 1024;
  static constexpr std::uint64_t kBytesPerStep = std::uint64_t{8} * 1024 * 1024;
  static constexpr std::size_t kLossesPerStep = 256;

  RecordRepair(io::FileSystem& fs, SegmentTable& table, const Index& index)
      : fs_(fs), table_(table), index_(index) {}

  // Adds to `found` the next keys with their newest record in one of these segments that cannot be
  // read. `snapshot`: of now.
  void find_some(Search& search, const Index::Snapshot& snapshot) const;

  // `header`, `value`: of the newest record of the key up to `as_of`, as another node has it.
  // False: there is nothing to be done any more, as the key has another place or the record is
  // sound. kCorruption: that is not the record that was here, and nothing was changed. kIo,
  // kNoSpace.
  Result<bool> restore(const Loss& loss, const format::RecordHeader& header,
                       std::string_view value) const;

 private:
  bool is_readable(Segment& segment, std::string_view key, Place place, std::string& buffer) const;
  // Null: something else lies there by now.
  std::shared_ptr<Segment> segment_of(const Loss& loss) const;

  io::FileSystem& fs_;
  SegmentTable& table_;
  const Index& index_;
};

}  // namespace kv::engine
