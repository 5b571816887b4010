#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <absl/container/flat_hash_map.h>

#include "engine/index.h"
#include "engine/log_tail.h"
#include "engine/prewritten_space.h"
#include "engine/segment_table.h"
#include "engine/value_cache.h"
#include "format/session.h"
#include "kv/result.h"
#include "kv/store.h"

namespace kv::engine {

// A record that recovery found.
struct AdoptedRecord {
  ForeignRecord record;
  std::uint64_t offset = 0;
  std::uint64_t chain = 0;  // up to and with it
};

// What a roll-back takes from the log.
struct Cut {
  std::uint64_t first = 0;           // sequence
  std::shared_ptr<Segment> segment;  // keeps its first `size` bytes; may be none
  std::uint64_t size = 0;
  std::vector<std::shared_ptr<Segment>> gone;  // hold nothing else
};

// The error of a condition that met that version; 0: there is no such key.
Error conflict(Version found);

// How far a segment may grow while no spare is to be had; leaves room for one largest batch.
inline constexpr std::uint64_t kSegmentOffsetMax = Place::kOffsetMax - 2 * kBatchSizeMax;

// The way of every write, in three steps joined by the sequence:
//   append   the record gets its place in the log and is written to the operating system,
//   durable  its group's fdatasync returned, where the write asks for it,
//   apply    the index changes, the write is visible and acknowledged.
// Steps are taken in log order, so that what is visible is always a prefix of the log. A condition
// is judged at the append, against the newest appended state of its key.
//
// Threads: any. Whoever calls flush() writes what has gathered, and applies what is ready, unless
// another thread is at it, which then goes on with ours. Syncs are made by drive() (the log's own
// thread) or, when nobody else is at it, by a caller that waits. No lock is held across a system
// call.
//
// After a failed write or sync the outcome of what was under way is unknown: those writers are
// told, and every later write is refused until the store is opened again. A full disk is told
// apart: what was written of the group is cut off again, the writers hear that nothing was done,
// and the next write may succeed.
//
// A replicated log has one step more, between durable and apply: somebody else says up to where
// records are committed. Until then they may be taken back; so they are neither seen nor
// acknowledged, and their segments are not sealed. See commit_replicated.cc.
class CommitPipeline {
 public:
  struct Settings {
    Sync sync = Sync::kDisk;
    std::uint64_t segment_size_max = 0;
    bool is_replicated = false;
    std::uint64_t applied_sequence = 0;        // replicated: what the index has
    std::function<bool()> may_ack_local = {};  // see Replicated; with a lock held
    std::uint64_t sessions = 0;                // in the index
    std::uint64_t sessions_max = UINT64_MAX;
  };
  CommitPipeline(const Settings& settings, Index& index, SegmentTable& table, ValueCache& cache,
                 LogTail tail);

  void submit(const Write& write, WriteListener& listener, WriteTag tag);
  // A put or delete of a key that is the store's own, or of one that was checked.
  void submit_own(const Write& write, WriteListener& listener, WriteTag tag);
  // Writes what was submitted and applies what is ready. kNoWait leaves large groups to drive().
  void flush(ReadMode mode);
  // Waits, syncing itself if nobody is at it, until everything submitted so far is on disk.
  Result<void> sync();
  // For a caller that submitted and flushed: syncs if that is needed now and nobody is at it.
  void help_sync();
  // For one that need not wait any more: what its flush wrote of others, the log thread syncs.
  void hand_over_sync();

  // The log thread's life: writes and syncs as needed; returns after stop(). Syncs at least every
  // `interval` when given.
  void drive(std::optional<std::chrono::milliseconds> interval);
  void stop();
  // Refuses every later write with kClosed.
  void close();
  // Refuses every later write with kReadOnly, in a cluster with kNotLeader; what is under way goes
  // on.
  void refuse_writes(const Error& cause);

  // The size at which the next segment is begun; what it was when a segment began does not matter.
  void set_segment_size(std::uint64_t size);
  // Merges fell behind: each sync, and with it each write, waits for `delay`; and puts are refused
  // with kTryLater if `refuses`. Deletes go on.
  void slow_down(std::chrono::microseconds delay, bool refuses);
  // What the disk still takes: `puts` bytes of puts, until the next call, and deletes or not. What
  // does not fit is refused with kNoSpace, and nothing done.
  void limit_space(std::uint64_t puts, bool allows_deletes);
  // How many were, since the last call.
  std::uint64_t take_space_refusals();
  // From a write's place in the log to its acknowledgement, averaged over the last few dozen
  // groups.
  std::chrono::microseconds write_latency() const;

  // Rotation. The next segment to be used; there is at most one in waiting.
  bool wants_spare() const;
  void give_spare(AppendTarget spare);
  // Called, from any thread and without locks, when wants_spare() or take_retired() may have news.
  std::function<void()> on_rotation;
  std::vector<RetiredSegment> take_retired();
  // The active segment, if it holds records, is retired with the next sync.
  void retire_active();
  // The same, going on with the spare; nothing happens when there is none.
  void rotate();

  // Replication; of a store that is replicated only, and all of it called by one thread at a time.
  //
  // From here on writes are taken, with that term; or refused, as at the start.
  void lead(std::uint64_t term);
  void follow(Error refusal);
  // A leader's own record of who the members are, in the place that comes next: its sequence.
  // take_written() tells of it, or a full disk takes it out again. kTryLater: no segment is ready.
  Result<std::uint64_t> append_config(std::string_view value);
  // The same of a record at which the members compare what they hold.
  Result<std::uint64_t> append_compare();
  // Called when such a record is applied, wherever it came from: the index is as of it until this
  // returns. From any thread; quickly.
  std::function<void(std::uint64_t sequence)> on_compare;
  // What submitted writes became, in log order, once it is written; each is told once.
  void take_written(std::vector<LogRecord>& records);
  // Called, from any thread and without locks, when there is more to take, or more is synced.
  std::function<void()> on_log_news;
  // Gives records that come from elsewhere their places, being the next in sequence; flush() writes
  // them. None is told by take_written().
  Result<void> append(std::span<const ForeignRecord> records);
  // All up to here will never be taken back.
  void commit(std::uint64_t sequence);
  // Records that recovery found behind what is committed, where they lie; in order.
  void adopt(const AppendTarget& target, std::span<const AdoptedRecord> records);
  // Takes back all from `first` on, none of which is committed, in two steps. In between nothing is
  // written or synced, and the caller makes it durable that what lies behind the cut is void.
  // Refused after a failed write: where the log ends is not known then, and the next open tells.
  Result<Cut> begin_roll_back(std::uint64_t first);
  void finish_roll_back(const Cut& cut, std::uint64_t chain);
  // Where the log ends is not known any more.
  void abandon_roll_back(const Error& error);
  void give_up_uncommitted();
  // Whoever waits for what is not committed hears that it is not known whether it will be. What
  // becomes of the records is the log's affair.
  void tell_unknown();
  std::uint64_t last_sequence() const;
  std::uint64_t chain() const;  // up to and with that
  std::uint64_t committed_sequence() const;

  // A point in time between two applied writes. `pin` runs while no write is being applied.
  Index::Snapshot snapshot(const std::function<void()>& pin) const;

  std::uint64_t applied_sequence() const {
    return applied_sequence_.load(std::memory_order_acquire);
  }
  // The newest write that was acknowledged before it was committed. What is told of the store to
  // whoever asks after that has to have it.
  std::uint64_t local_sequence() const { return local_sequence_.load(std::memory_order_acquire); }
  std::uint64_t synced_sequence() const;
  std::uint64_t sessions() const { return sessions_.load(std::memory_order_relaxed); }
  std::uint64_t writes() const { return writes_.load(std::memory_order_relaxed); }
  std::uint64_t syncs() const { return syncs_.load(std::memory_order_relaxed); }
  std::optional<Error> failure() const;
  std::optional<format::SegmentId> active() const;

 private:
  using Lock = std::unique_lock<std::mutex>;

  using KeyChange = IndexChange;  // the key lies in the group's buffer
  struct Pending {
    std::uint64_t sequence = 0;  // 0: only a reply
    std::uint64_t wait_sequence = 0;
    bool needs_disk = false;
    bool may_tell_local = false;  // once it is on this disk
    bool is_compare = false;
    WriteListener* listener = nullptr;
    WriteTag tag;
    Result<WriteResult> result;
    KeyChange change;                               // of a put or delete
    std::string_view value;                         // of a put: where it lies in the group
    std::vector<KeyChange> changes;                 // of a batch
    std::chrono::steady_clock::time_point begun{};  // of the first write of a group
    Segment* segment = nullptr;                     // the changes' own
    // Members of batches and large values enter the cache when they are read.
    bool is_cached() const {
      return sequence != 0 && changes.empty() && !change.is_delete &&
             value.size() <= ValueCache::kValueMax;
    }
    std::span<const KeyChange> all_changes() const {
      if (!changes.empty() || sequence == 0) return changes;
      return {&change, 1};
    }
  };
  struct Newest {
    std::uint64_t sequence = 0;
    bool is_delete = false;
    std::string_view value;  // of a put; that of a batch's member follows its key
    bool is_in_batch = false;
  };
  using KeyNewest = std::pair<const std::string_view, Newest>;
  // What a condition is judged by, found before the lock was taken.
  struct Judged {
    std::optional<Place> place;
    Version version = 0;
  };

  // What came of that, and the version that the condition met; 0: there is no such key.
  struct Judgement {
    Result<WriteResult> result;
    Version met = 0;
  };

  // What an update begins with, read before the lock was taken.
  struct Current {
    std::optional<Place> place;
    std::string value;
  };

  void submit_update(const Write& write, WriteListener& listener, WriteTag tag);
  Result<Current> read_current(const Write& write) const;
  // False: the key moved meanwhile; read it again. `refused`: there is no room for what it makes.
  bool append_update(const Write& write, const Current& current, Pending& pending,
                     std::optional<Error>& refused);

  // A session's write on its way to the log.
  struct SessionWrite {
    const Write& write;
    std::string_view key;  // the session's
    Batch batch;           // what is written, without the session's new value
    Current current;       // the session's value, read before the lock was taken
    Judged judged;
  };
  void submit_open(const Write& write, WriteListener& listener, WriteTag tag);
  void submit_session(const Write& write, WriteListener& listener, WriteTag tag);
  // As append_update().
  bool append_session(SessionWrite& one, Pending& pending, std::optional<Error>& refused);
  bool append_refusal(Error error, Pending& pending);
  void append_outcome(SessionWrite& one, format::SessionState& state, Judgement judgement,
                      Pending& pending);

  static std::optional<Error> check(const Write& write);
  static Error refused_after(const Error& failure);
  std::optional<Error> refusal_of_all() const;
  std::optional<Error> refusal_of(const Write& write);
  Result<Judged> look_up(const Write& write) const;
  bool has_room(const Write& write);
  // False: the key moved meanwhile; look it up again.
  bool append(const Write& write, PreparedRecord& record, const Judged& judged, Pending& pending);
  bool needs_disk(const Write& write) const;
  void wait_for_place(Pending& pending);
  Result<WriteResult> judge(const Write& write, bool exists, Version version) const;
  // By the newest state of its key. nullopt: the key moved meanwhile; look it up again.
  std::optional<Judgement> judge_newest(const Write& write, const Judged& judged);
  void append_record(const Write& write, PreparedRecord& record, Pending& pending);
  WriteGroup& open_group();
  // The newest state of the key among what is not applied, or null.
  const KeyNewest* find_newest(std::string_view key);
  void remember_from(const std::vector<Pending>& some);
  void remember(const Pending& pending);
  void remember(const KeyChange& change, const Newest& newest);
  static std::string_view value_of(const KeyNewest& known);

  void write_groups(Lock& lock, ReadMode mode);
  void write_failed(Lock& lock, WriteGroup& group, const Error& error);
  bool needs_sync() const;
  void sync_once(Lock& lock);
  void prewrite(Lock& lock);
  // No record will go to it any more: writes went on to another segment, and all of its own are
  // done.
  bool is_complete(const AppendTarget& target) const;
  void retire_complete();
  void advance(Lock& lock);
  bool is_ready(const Pending& pending) const;
  bool wants_local_ack(const Write& write) const;
  void tell_local(Lock& lock);
  bool take_ready();
  void apply(std::span<const Pending> ready);
  void apply_together(std::span<const Pending> some);
  void count_applied(std::span<const Pending> applied);
  void count_session(const KeyChange& change, Place replaced);
  void note_latency(std::chrono::steady_clock::time_point begun);
  void count_dead(Place replaced, Segment& newer);
  void release_groups();
  void forget(const Pending& pending);
  // Writers that wait for something behind `written`; they are not pending any more.
  std::vector<Pending> take_unwritten(std::uint64_t written);
  void tell_failed(Lock& lock, std::vector<Pending> failed, const Error& error);
  void notify(Lock& lock);

  // A record of the log that may be taken back.
  struct Uncommitted {
    LogRecord record;
    std::shared_ptr<Segment> segment;
    std::uint64_t offset = 0;
    std::uint64_t keys = 0;  // it writes
  };
  // What is durable as far as this node goes, and what nobody takes back.
  std::uint64_t settled_sequence() const;
  void note_uncommitted(const WriteGroup& group, std::uint64_t records_before);
  void forget_uncommitted(std::uint64_t last);  // what comes behind it
  void end_roll_back(Lock& lock);
  void append_noop(Pending& pending);
  Result<std::uint64_t> append_system(format::RecordType type, std::string_view value);
  std::uint64_t take_in(Segment& segment, const format::RecordHeader& header, std::string_view body,
                        Place place);

  // Fixed after construction.
  const Settings settings_;
  Index& index_;
  SegmentTable& table_;
  ValueCache& cache_;

  // Guarded by mutex_.
  mutable std::mutex mutex_;
  std::condition_variable wake_log_thread_;
  std::condition_variable step_done_;
  LogTail tail_;
  std::optional<AppendTarget> spare_;
  WriteGroup* open_group_ = nullptr;                // takes records; the last of groups_
  std::deque<std::unique_ptr<WriteGroup>> groups_;  // first those written, then those to write
  std::size_t written_groups_ = 0;
  std::vector<std::unique_ptr<WriteGroup>> idle_groups_;
  std::vector<Pending> pending_;  // in log order
  std::vector<Pending> ready_;    // of those, what is being applied
  std::vector<Pending> told_;     // and what is being acknowledged: only whoever does both has it
  // Appended, not yet applied; of records up to remembered_sequence_. Only a condition looks, so
  // the others come in when one does.
  absl::flat_hash_map<std::string_view, Newest> newest_;
  std::uint64_t remembered_sequence_ = 0;
  std::vector<RetiredSegment> unsealed_;  // written to, in log order; the active one is last
  std::vector<RetiredSegment> retired_;   // complete and synced, to be sealed; in log order
  std::uint64_t written_sequence_;
  std::uint64_t synced_sequence_;
  std::uint64_t disk_wanted_ = 0;  // somebody waits for a sync up to here
  bool is_disk_asked_ = false;     // by a write, since the last sync
  std::uint64_t unsynced_bytes_ = 0;
  PrewrittenSpace prewritten_;
  bool is_cutting_ = false;  // the file, because a group was refused: nothing is prewritten then
  bool is_writing_ = false;
  bool is_syncing_ = false;
  bool is_applying_ = false;
  bool is_stopped_ = false;
  bool is_closed_ = false;
  bool has_rotation_news_ = false;
  bool has_large_write_ = false;
  std::uint64_t segment_size_;
  std::chrono::microseconds sync_delay_{0};
  bool refuses_puts_ = false;
  std::uint64_t put_room_ = UINT64_MAX;
  bool allows_deletes_ = true;
  std::uint64_t space_refusals_ = 0;
  std::optional<Error> failure_;
  std::optional<Error> refusal_;         // of later writes, because of something else than a write
  std::optional<Error> not_leading_;     // why writes are refused, while they are
  std::deque<Uncommitted> uncommitted_;  // replicated: in log order
  std::uint64_t uncommitted_bytes_ = 0;
  std::uint64_t committed_sequence_ = UINT64_MAX;
  std::uint64_t told_sequence_ = 0;      // by take_written()
  std::uint64_t waiting_for_local_ = 0;  // of those pending
  bool is_rolling_back_ = false;
  bool has_log_news_ = false;

  // Held while the index changes, so that a snapshot stands between two writes.
  mutable std::mutex apply_mutex_;
  std::vector<KeyChange> changes_;     // scratch of whoever applies
  std::vector<std::uint64_t> hashes_;  // the same
  std::vector<Place> replaced_;        // the same
  std::atomic<std::uint64_t> applied_sequence_;
  std::atomic<std::uint64_t> local_sequence_ = 0;
  std::atomic<std::uint64_t> sessions_;
  std::atomic<std::uint64_t> writes_{0};
  std::atomic<std::uint64_t> syncs_{0};
  std::atomic<std::int64_t> write_latency_ns_{0};
};

}  // namespace kv::engine
