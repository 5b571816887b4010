#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>

#include "engine/commit_pipeline.h"
#include "engine/data_directory.h"
#include "engine/segment_table.h"
#include "kv/event.h"
#include "kv/result.h"

namespace kv::engine {

// Keeps the pipeline supplied with an empty segment to go on with, and seals the ones it left:
// everything about rotation that takes syncs, away from the writers.
//
// A spare: file created, folder synced, MANIFEST says it is there. After a crash it is an empty
// file that the next open uses. A seal: what was written is synced already; the zeros ahead of it
// are cut off and that synced, MANIFEST says its length and sequences, then its hint is written.
// After a crash in between, recovery seals it or writes the hint.
//
// Any thread.
class SegmentKeeper {
 public:
  SegmentKeeper(DataDirectory& dir, SegmentTable& table, CommitPipeline& pipeline,
                EventListener* listener)
      : dir_(dir), table_(table), pipeline_(pipeline), listener_(listener) {}

  // Does all there is to do now.
  Result<void> work();
  // Uses the empty segment that recovery found.
  Result<void> reuse_spare(format::SegmentId id);

  // Of a replicated log: takes back all records from `first` on, `chain` being that of the one
  // before. In this order: their bytes are kept in lost+found, the MANIFEST says where the log ends
  // now, then the log goes on in another segment. After a crash before the MANIFEST says so they
  // are still in the log.
  Result<void> roll_back(std::uint64_t first, std::uint64_t chain);

  // The keeper's thread: works whenever poked, and each second while that fails, until stop().
  void run();
  void poke();
  void stop();

 private:
  Result<void> make_spare();
  Result<void> offer(format::SegmentId id, std::uint64_t salt, std::unique_ptr<io::File> file);
  Result<void> seal(const RetiredSegment& retired);
  Result<void> cut(io::File& file, std::uint64_t size);
  void make_hint(const RetiredSegment& retired, const format::SegmentInfo& info);
  Result<void> work_locked();
  Result<void> void_behind(const Cut& cut);
  Result<void> keep_bytes_behind(const Cut& cut);
  void tell(Event::Level level, std::string_view name, std::string details);

  DataDirectory& dir_;
  SegmentTable& table_;
  CommitPipeline& pipeline_;
  EventListener* const listener_;
  std::mutex work_mutex_;
  // In log order, and so sealed: recovery takes what lies before a sealed segment for synced.
  // Guarded by work_mutex_.
  std::deque<RetiredSegment> to_seal_;
  std::optional<Error> cut_failure_;  // a file that must not be synced again

  // Guarded by mutex_.
  std::mutex mutex_;
  std::condition_variable poked_;
  bool is_poked_ = false;
  bool is_stopped_ = false;
};

}  // namespace kv::engine
