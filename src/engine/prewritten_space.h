#pragma once

#include <cstdint>
#include <optional>

#include "format/names.h"

namespace kv::engine {

// The zeros ahead of the log's end, in the file of the active segment. An fdatasync of records that
// went over them changes no metadata, neither size nor extents, and takes half the time; so the
// thread that syncs lengthens them now and then, before a sync that pays for it. They grow with the
// segment, from one block to kStepMax, so that a small database has small files.
//
// Zeros never lie over a record. Three rules see to it, all kept under the pipeline's mutex:
//   - they begin at the log's end or behind it: where every record that got a place so far ends,
//     written or not;
//   - while they are being written (without the mutex), nothing is written that ends behind their
//     beginning: such a group is left to the thread that writes them, which takes it when they are
//     done. Groups before them go on;
//   - one range is written at a time, and neither is the file cut nor its segment sealed meanwhile:
//     the one waits, the other comes after the sync that the range belongs to.
// After a crash they are the clean end of the log, as far as the disk has them; a seal cuts them
// off. Guarded by the commit pipeline's mutex.
class PrewrittenSpace {
 public:
  struct Range {
    std::uint64_t begin = 0;
    std::uint64_t end = 0;
  };
  // What the log is when it is about to be synced.
  struct Log {
    format::SegmentId segment;
    std::uint64_t end = 0;       // of all records that have a place in it
    std::uint64_t end_max = 0;   // further than that it is not to be filled
    std::uint64_t unsynced = 0;  // bytes that this sync writes back
    std::uint64_t room = 0;      // on the disk, for everything
  };

  // What is to be filled with zeros now, if anything; it is under way until finish().
  std::optional<Range> begin(const Log& log);
  // Not done: no more in this segment.
  void finish(bool is_done);
  bool is_under_way() const { return under_way_.has_value(); }
  // A write to `segment` that ends at `end` would meet what is under way.
  bool is_in_the_way(format::SegmentId segment, std::uint64_t end) const;
  // The file was cut to `size`.
  void cut(format::SegmentId segment, std::uint64_t size);

  static constexpr std::uint64_t kBlock = 4096;
  static constexpr std::uint64_t kStepMax = std::uint64_t{1} << 20;
  // A sync of more than that gains less by zeros than they cost.
  static constexpr std::uint64_t kUnsyncedMax = 32 * 1024;

 private:
  std::optional<format::SegmentId> segment_;
  std::uint64_t end_ = 0;  // of the zeros in it, or where it was cut
  std::optional<Range> under_way_;
  bool is_given_up_ = false;  // in this segment
};

}  // namespace kv::engine
