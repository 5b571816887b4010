#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "engine/segment_table.h"
#include "kv/result.h"

namespace kv::engine {

// The segments of a table that are the log, by sequence: those written by writers, sealed or not.
// One thread at a time; other threads may change the table and append. Holds no segment.
class LogSegments {
 public:
  explicit LogSegments(SegmentTable& table) : table_(table) {}

  // The one that holds the record. kInvalidArgument, which names the first record that is there
  // behind it or the log's end, when none does.
  Result<std::shared_ptr<Segment>> find(std::uint64_t sequence);
  // A rollback: segments may hold less than they did.
  void forget() { listed_.reset(); }

 private:
  struct Entry {
    std::uint64_t first_sequence;
    std::size_t index;  // in the table's list
  };
  using List = SegmentTable::List;

  void list_again(const List& list);
  void take_begun(const List& list);
  Error not_there(std::uint64_t sequence, std::size_t after, const List& list) const;

  SegmentTable& table_;
  std::weak_ptr<List::element_type> listed_;  // the list all below is about
  std::vector<Entry> entries_;                // in order
  std::vector<std::size_t> empty_;            // have no record yet: the spare, mostly
};

}  // namespace kv::engine
