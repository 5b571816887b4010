#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <string>
#include <vector>

#include "engine/segment.h"

namespace kv::engine {

// The open store's segments by slot, and their descriptors: at most `open_max` of them are open at
// a time, beside those in use at the moment; the least recently used are closed first (by the clock
// algorithm). Any thread.
class SegmentTable {
 public:
  SegmentTable(io::FileSystem& fs, std::uint32_t open_max) : fs_(fs), open_max_(open_max) {}

  // Gives the segment a free slot. kTryLater when all of them are taken.
  Result<std::shared_ptr<Segment>> add(std::string path, format::SegmentId id,
                                       format::SegmentKind kind, std::uint64_t salt);
  // nullptr: no segment has that slot (it was merged away meanwhile; look the key up again).
  std::shared_ptr<Segment> find(std::uint32_t slot) const;
  // Takes the segment out; its file stays readable for whoever holds it.
  void remove(std::uint32_t slot);
  std::vector<std::shared_ptr<Segment>> all() const;

  // The segment's file, opened if it is not.
  Result<std::shared_ptr<io::File>> file(Segment& segment);
  // Lets the table have a descriptor that is open already.
  void adopt_file(Segment& segment, std::shared_ptr<io::File> file);
  std::uint64_t open_files() const { return open_files_.load(std::memory_order_relaxed); }

 private:
  void close_idle();  // until at most open_max_ are open

  io::FileSystem& fs_;
  const std::uint32_t open_max_;
  std::atomic<std::uint64_t> open_files_{0};

  // Guarded by mutex_.
  mutable std::shared_mutex mutex_;
  std::vector<std::shared_ptr<Segment>> slots_;

  // Guarded by hand_mutex_.
  std::mutex hand_mutex_;
  std::size_t hand_ = 0;
};

}  // namespace kv::engine
