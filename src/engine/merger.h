#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "engine/checkpoint.h"
#include "engine/checkpoint_turn.h"
#include "engine/merge.h"
#include "engine/merge_budget.h"
#include "engine/merge_choice.h"
#include "engine/segment_keeper.h"
#include "kv/store.h"

namespace kv::engine {

// What goes on beside requests: merges, and checkpoints of the index. Decides when to merge what,
// and how fast. On its own it keeps the disk under live bytes times
// `space_target`; see MergeBudget for the rule. On demand it merges everything that has something
// to give back. Removes the files of segments that nobody holds any more.
//
// Threads: run() is the merger's own; each merge has one that lets others go first; everything
// else from any.
class Merger : private MergePace {
 public:
  struct Settings {
    MergeBudget::Settings budget;
    std::uint64_t segment_size_max = 0;
    bool is_automatic = true;
    bool runs_aside = true;  // each merge on a thread of its own that others go before
    std::uint64_t checkpoint_records_min = 0;
    std::uint64_t space_reserve = 0;  // bytes; 0: SpaceGuard::default_reserve()
    // Of a cluster: the log behind this sequence is left alone, and counts for nothing here.
    std::optional<std::uint64_t> log_floor = {};
  };
  Merger(const Settings& settings, const MergeContext& context, SegmentKeeper& keeper);

  // The merger's thread, until stop(). stop() ends a merge under way within one slice.
  void run();
  void stop();

  // Merges until nothing that was there at the call has dead bytes, at most `rate_max` bytes a
  // second (0: as fast as it goes). Errors are those of writing; kClosed after stop().
  Result<MergeReport> merge_all(std::uint64_t rate_max);
  // No merge goes on by itself until resume(); one under way waits.
  void pause();
  // Room is wanted: what is worth its copying is merged now, as fast as may be.
  void set_disk_full(bool is_full);
  void resume();
  // Ends merge_all(), if it goes on, within one slice.
  void stop_on_demand();

  // Writes a checkpoint now; between two merges it is done when it is due. None that would eat of
  // what the disk keeps in reserve: kNoSpace. kCorruption beside a damaged segment.
  Result<void> checkpoint();
  // What the checkpoint on the disk covers.
  // Of a cluster: merges may have the log up to here; it only rises.
  void raise_log_floor(std::uint64_t sequence) { log_floor_ = sequence; }
  std::uint64_t log_floor() const { return log_floor_; }
  void note_covered(const std::vector<format::SegmentId>& segments);

  MergeStats stats() const;
  // Looks once at what there is to do, without a thread: frees unused files and memory, adapts the
  // budget.
  void look_around();

 private:
  class CheckpointPace final : public MergePace {
   public:
    explicit CheckpointPace(Merger& merger) : merger_(merger) {}
    bool go_on(std::uint64_t bytes) override;

   private:
    Merger& merger_;
  };
  bool go_on(std::uint64_t bytes) override;
  void make_way() override;
  bool is_over() const { return is_stopped_ || ends_on_demand_; }  // mutex_ is held
  MergeUse use() const;
  std::uint64_t merge_rate() const;  // bytes a second, 0: no limit; mutex_ is held
  // One merge of what the choice takes. False: there was nothing.
  Result<bool> merge_once(const MergeChoice& choice, std::uint64_t id_max, MergeReport& total);
  Result<MergeReport> run_aside(Merge& merge) const;
  void expect_work();  // of merge_all(), for who watches it
  void note_departure(const std::vector<std::shared_ptr<Segment>>& inputs,
                      const MergeReport& report);
  // What is due between merges and, every tick, within one.
  void tick();
  // The budget, and what writers feel of it.
  void adapt(const MergeUse& now);
  void remove_unused();
  void give_memory_back();
  bool is_checkpoint_due();
  Result<void> check_room_for_checkpoint() const;
  Result<CheckpointReport> write_checkpoint();
  // The same trouble, again and again, is told once.
  void tell_trouble(std::string_view name, const Error& error, std::string_view action,
                    std::string& told) const;
  std::uint64_t segment_size(const MergeUse& now) const;

  const Settings settings_;
  const MergeContext context_;
  SegmentKeeper& keeper_;
  std::atomic<std::uint64_t> log_floor_;

  std::uint64_t index_peak_ = 0;  // bytes, since memory was given back last; look_around()'s alone
  std::mutex merging_;            // held by whoever merges
  std::mutex removing_;           // and by whoever removes files

  // Guarded by mutex_.
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  MergeBudget budget_;
  MergeStats stats_;
  std::string merge_trouble_;       // as it was told last
  std::string checkpoint_trouble_;  // the same
  MergeBudget::Clock::time_point adapted_at_{};
  CheckpointTurn checkpoint_turn_;
  std::set<format::SegmentId> covered_;  // by the newest checkpoint
  bool is_stopped_ = false;
  std::uint64_t done_before_ = 0;  // of merge_all(), before the merge under way
  bool is_paused_ = false;
  bool is_disk_full_ = false;
  bool ends_on_demand_ = false;  // what merge_all() does is to end
};

}  // namespace kv::engine
