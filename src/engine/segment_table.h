#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
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

  // Called before a slot is given to another segment than before: what was known by places in it
  // is to be forgotten.
  std::function<void()> on_reuse = [] {};

  // Gives the segment a free slot. kTryLater when all of them are taken.
  Result<std::shared_ptr<Segment>> add(std::string path, format::SegmentId id,
                                       format::SegmentKind kind, std::uint64_t salt);
  // nullptr: no segment has that slot (it was merged away meanwhile; look the key up again).
  std::shared_ptr<Segment> find(std::uint32_t slot) const;
  // Takes the segment out. Pinned ones are still found; the slot is given to another one when the
  // last pin from before ends.
  void remove(std::uint32_t slot);
  // The segments taken out that nobody holds any more: their files can go. Each is told once.
  std::vector<format::SegmentId> take_unused();
  // The segments taken out that somebody holds still.
  std::vector<std::shared_ptr<Segment>> held() const;
  // All that were not taken out.
  using List = std::shared_ptr<const std::vector<std::shared_ptr<Segment>>>;
  List all() const;
  // While it is held, every segment that is here now or comes later stays readable. (Later ones,
  // because a merge may move what a snapshot sees into a new segment, and then again.)
  std::shared_ptr<const void> pin() const;

  // The segment's file, opened if it is not.
  Result<std::shared_ptr<io::File>> file(Segment& segment);
  // Lets the table have a descriptor that is open already, and its opener share it.
  std::shared_ptr<io::File> adopt_file(Segment& segment, std::unique_ptr<io::File> file);
  std::uint64_t open_files() const { return open_files_->load(std::memory_order_relaxed); }

 private:
  std::shared_ptr<io::File> counted(std::unique_ptr<io::File> file);
  bool is_taken(std::uint32_t slot) const;
  void list_again();
  void close_idle();  // until at most open_max_ are open

  io::FileSystem& fs_;
  const std::uint32_t open_max_;
  // Shared with the descriptors themselves, which count down when the last user closes them.
  std::shared_ptr<std::atomic<std::uint64_t>> open_files_ =
      std::make_shared<std::atomic<std::uint64_t>>(0);

  // A link of the chain of segments taken out, in order; a pin holds the link that was the newest
  // then, and with it all that come after.
  struct Link {
    ~Link();
    std::shared_ptr<Segment> taken_out;
    std::shared_ptr<Link> next;
  };
  struct Leaving {
    std::uint32_t slot;
    format::SegmentId id;
    std::weak_ptr<Segment> segment;
  };

  // Guarded by mutex_.
  mutable std::shared_mutex mutex_;
  std::vector<std::shared_ptr<Segment>> slots_;
  std::uint32_t next_slot_ = 0;  // a slot is used again as late as possible
  std::vector<Leaving> leaving_;
  std::shared_ptr<Link> newest_link_ = std::make_shared<Link>();
  List list_ = std::make_shared<std::vector<std::shared_ptr<Segment>>>();

  // Guarded by hand_mutex_.
  std::mutex hand_mutex_;
  std::size_t hand_ = 0;
};

}  // namespace kv::engine
