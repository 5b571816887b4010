#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "engine/base_files.h"
#include "engine/commit_pipeline.h"
#include "engine/data_directory.h"
#include "engine/index.h"
#include "engine/merger.h"
#include "engine/record_repair.h"
#include "engine/recovery.h"
#include "engine/scrubber.h"
#include "engine/segment_keeper.h"
#include "engine/segment_table.h"
#include "engine/space_watch.h"
#include "engine/value_cache.h"
#include "io/file_system.h"
#include "kv/store.h"

namespace kv {

struct Snapshot::State {
  engine::Index::Snapshot index;
  std::shared_ptr<const void> segments;  // stay readable while it lives
};

// Who does the work that nobody waits for.
enum class Background {
  kThreads,  // five threads: one writes and syncs the log, one makes and seals segments, one
             // merges, one scrubs, one watches the disk's space
  kCaller,   // whoever writes does it before it returns: one thread, the same order every time
};

// A store whose log is replicated takes writes only while it leads, and shows only what is
// committed.
struct Replicated {
  std::uint64_t committed = 0;             // sequence; known to be, when the store is opened
  std::function<void()> on_log_news = {};  // see CommitPipeline
  engine::LostListener on_lost = {};
  // Whether what is on this disk may be acknowledged where Ack::kLocal was asked for: nobody else
  // can lead now, and nothing waits for others for long. Any thread, quickly.
  std::function<bool()> may_ack_local = {};
};

// The store, on any file system. Its parts and their threads: docs/architecture.md.
class StoreImpl {
 public:
  static Result<std::unique_ptr<StoreImpl>> open(io::FileSystem& fs, const std::string& directory,
                                                 const Options& options, Background background,
                                                 std::optional<Replicated> replicated = {});
  static Result<std::unique_ptr<StoreImpl>> open(std::unique_ptr<engine::DataDirectory> dir,
                                                 const Options& options, Background background,
                                                 std::optional<Replicated> replicated);
  static Store wrap(std::unique_ptr<StoreImpl> impl) { return Store(std::move(impl)); }
  ~StoreImpl();

  Result<WriteResult> write(const Write& write);
  void submit(const Write& write, WriteListener& listener, WriteTag tag);
  void flush(ReadMode mode);
  Result<void> sync();
  Result<std::optional<Value>> get(std::string_view key, ReadMode mode) const;
  Result<std::optional<Value>> get(std::string_view key, const Snapshot& snapshot,
                                   ReadMode mode) const;
  void get_many(std::span<const std::string_view> keys, ReadMode mode,
                ReadListener& listener) const;
  std::uint64_t read_size(std::string_view key) const;
  Version version() const { return pipeline_->applied_sequence(); }
  Snapshot snapshot() const;
  // Of the keys of users, and those that are the store's own.
  enum class Keys { kOfUsers, kReserved };
  Cursor range(RangeOptions options, Snapshot snapshot, Keys keys = Keys::kOfUsers) const;
  Result<std::uint64_t> expire_sessions(std::uint64_t before_ms);
  Stats stats() const;
  SpaceStats space() const { return space_watch_->stats(); }
  Result<MergeSummary> merge(std::uint64_t rate_max);
  void stop_upkeep();
  Result<VerifyReport> verify(const VerifyOptions& options);
  Result<BackupSummary> backup(const std::string& directory, const BackupOptions& options);
  Result<Inspection> inspect(std::string_view key) const;
  Result<void> checkpoint();
  engine::Merger& merger() { return *merger_; }
  // Of a replicated store: its log, for who replicates it.
  engine::CommitPipeline& pipeline() { return *pipeline_; }
  engine::DataDirectory& directory() { return *dir_; }
  Result<void> roll_back(std::uint64_t first, std::uint64_t chain) {
    return keeper_->roll_back(first, chain);
  }
  // Nobody needs the log up to there any more, as MANIFEST says from now on; merges may have it. It
  // is the end of a sealed segment, applied, and only rises. kNoSpace: nothing was done.
  Result<void> raise_log_floor(const format::LogFloor& floor);
  format::LogFloor log_floor() const { return dir_->manifest().state().log_floor; }
  // The state at the floor, for a node that cannot have it as a log any more.
  Result<engine::BaseFiles> base_files() const { return engine::base_files(*dir_, table_); }
  // For a member whose disk lost records that others have.
  engine::RecordRepair record_repair() { return {dir_->fs(), table_, index_}; }
  // As RecordRepair::restore; nothing where damage may hide the key's newest record from this
  // store, which has an older one in its place then.
  Result<bool> put_back(const engine::RecordRepair::Loss& loss, const format::RecordHeader& header,
                        std::string_view value);
  struct NewestRecord {
    format::RecordHeader header;  // of a put that stands alone, whatever it lies in here
    std::string value;
  };
  // What was applied last of a key; none: it is not there. kCorruption: it cannot be read, or
  // damage may hide a later one.
  Result<std::optional<NewestRecord>> newest_record(std::string_view key) const;
  // See Scrubber.
  Result<bool> recheck(format::SegmentId id) { return scrubber_->recheck(id); }
  // What the store held at the newest record at which the members compare that. Told once.
  struct Comparison {
    std::uint64_t sequence = 0;
    std::shared_ptr<const void> pin;  // of the segments
    engine::Index::Snapshot snapshot;
  };
  std::optional<Comparison> take_comparison();
  // kCaller: what the threads would do.
  void work() { caller_work(); }
  // What damage took of the log's end, as of the open: see UnsealedOutcome.
  std::uint64_t lost_sequence() const { return lost_sequence_; }
  std::uint64_t lost_term() const { return lost_term_; }
  Result<void> close();

  // The value at `place`, verified; nullopt when another key lies there (the place was merged
  // away).
  Result<std::optional<Value>> read(std::string_view key, engine::Place place, ReadMode mode) const;
  const engine::Index& index() const { return index_; }
  engine::SegmentTable& segments() const { return table_; }
  const engine::HiddenDamage& hidden_damage() const { return hidden_; }

 private:
  StoreImpl(const Options& options, std::unique_ptr<engine::DataDirectory> dir,
            Background background, std::optional<Replicated> replicated);
  Result<void> start();
  void add_segments(Stats& stats) const;
  std::unique_ptr<engine::Merger> make_merger();
  void make_watchers();
  void start_threads();
  void stop_watchers();
  void submit_checked(const Write& write, WriteListener& listener, WriteTag tag);
  // In the index, before anybody uses it.
  std::uint64_t count_sessions(std::uint64_t sequence) const;
  void note_comparison(std::uint64_t sequence);
  Result<void> seal_all();  // what was written so far lies in sealed segments then
  void caller_work();       // kCaller: what the threads would do
  using View = Result<std::optional<ValueView>>;  // holds until the thread reads again
  // The newest value of a key that was found at `place` a moment ago; `hash`: hash_key(key).
  View view(std::string_view key, std::uint64_t hash, std::optional<engine::Place> place,
            ReadMode mode) const;
  // As read(), through the cache.
  View view_at(std::string_view key, std::uint64_t hash, engine::Place place, ReadMode mode) const;
  View view_in_segment(std::string_view key, std::uint64_t hash, engine::Place place, ReadMode mode,
                       std::string& buffer) const;
  // Not found, unless damage may hide the key or, for a found one, a newer value.
  View answer(std::string_view key, std::optional<ValueView> value) const;
  static Error closed();
  bool is_closed() const { return is_closed_.load(std::memory_order_acquire); }

  const Options options_;
  const Background background_;
  const std::optional<Replicated> replicated_;
  std::uint64_t lost_sequence_ = 0;
  std::uint64_t lost_term_ = 0;
  std::unique_ptr<engine::DataDirectory> dir_;
  engine::Index index_;
  mutable engine::SegmentTable table_;
  mutable engine::ValueCache cache_;
  RecoveryStats recovery_;
  engine::HiddenDamage hidden_;  // fixed after start()
  std::unique_ptr<engine::CommitPipeline> pipeline_;
  std::unique_ptr<engine::SegmentKeeper> keeper_;
  std::unique_ptr<engine::Merger> merger_;
  std::unique_ptr<engine::Scrubber> scrubber_;
  std::unique_ptr<engine::SpaceWatch> space_watch_;
  engine::RatePace closing_{0};  // stopped by close()
  std::mutex comparison_mutex_;
  std::optional<Comparison> comparison_;
  mutable std::atomic<std::uint64_t> reads_deferred_{0};
  std::atomic<bool> is_closed_{false};
  std::mutex close_mutex_;
  std::jthread log_thread_;
  std::jthread keeper_thread_;
  std::jthread merger_thread_;
  std::jthread scrubber_thread_;
  std::jthread space_thread_;
};

}  // namespace kv
