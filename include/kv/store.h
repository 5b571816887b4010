#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "kv/backup.h"
#include "kv/batch.h"
#include "kv/options.h"
#include "kv/result.h"
#include "kv/verify.h"

namespace kv {

// A value as it was read: its bytes and the version that wrote it.
struct Value {
  std::string bytes;
  Version version = 0;
};

// The same where it was read to; its bytes hold as long as whoever gives it says.
struct ValueView {
  std::string_view bytes;
  Version version = 0;
};
inline std::optional<ValueView> view_of(const std::optional<Value>& value) {
  return value ? std::optional(ValueView{value->bytes, value->version}) : std::nullopt;
}

// Hears of values that were asked for together; see Store::get_many().
class ReadListener {
 public:
  // False: the rest is not wanted. The value holds during the call.
  [[nodiscard]] virtual bool on_read(std::size_t number,
                                     const Result<std::optional<ValueView>>& value) = 0;

 protected:
  ~ReadListener() = default;
};

// Reads of more bytes take too long to be done in passing.
inline constexpr std::uint64_t kNoWaitSizeMax = 1024 * 1024;

enum class ReadMode {
  kMayBlock,  // waits for the disk
  kNoWait,    // answers kWouldBlock when the bytes are not in memory, or more than kNoWaitSizeMax
};

struct RangeOptions {
  std::string start;                     // first key, inclusive; empty: from the first
  std::optional<std::string> end;        // bound, exclusive; none: to the last
  std::uint64_t limit = UINT64_MAX;      // items at most
  std::uint64_t bytes_max = UINT64_MAX;  // keys and values at most; the first item always comes
  bool is_reverse = false;               // from the end backwards
  bool is_keys_only = false;             // no value is read, no version known
};
// All keys that begin with `prefix`.
RangeOptions prefix_range(std::string_view prefix);

struct Item {
  std::string key;
  std::string value;
  Version version = 0;  // 0 when keys only
};

// The state of the store at one moment: pins its index and its segments, and never stops a writer.
// Any thread; ends with the last copy. Must not outlive the store.
class Snapshot {
 public:
  Version version() const;  // newest record it sees

 private:
  friend class Store;
  friend class StoreImpl;
  struct State;
  std::shared_ptr<const State> state_;
};

// Reads a range of one snapshot in key order. One thread at a time; must not outlive the store.
// Reads ahead, as far as limit and bytes_max let it: it holds up to 64 KiB of keys (or one) and
// 128 KiB of records beside its item, however long the range is. Large records are read one by one.
class Cursor {
 public:
  enum class Step { kItem, kEnd, kWouldBlock };

  Cursor(Cursor&&) noexcept;
  Cursor& operator=(Cursor&&) noexcept;
  ~Cursor();

  // kItem: item() holds the next one. kWouldBlock (kNoWait only): call again with kMayBlock.
  // An error (kCorruption, kIo) is for the key it names; calling again goes on after it.
  [[nodiscard]] Result<Step> next(ReadMode mode = ReadMode::kMayBlock);
  // What the coming item is read from, as Store::read_size() says it; 0 at the end and for keys
  // only. next() may read others with it, as said above.
  std::uint64_t read_size();
  Item& item();           // valid after kItem, until the next call; may be moved from
  bool has_more() const;  // after kEnd: limit or bytes_max stopped it before the range's end

 private:
  friend class StoreImpl;
  struct State;
  explicit Cursor(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

struct WriteResult {
  Version version = 0;
  bool was_found = true;  // false: DEL of a key that was not there, or an update that asked for
                          // kNothing or such a DEL; nothing was written
  std::uint64_t local_epoch = 0;  // not 0: Ack::kLocal was given, in that term of the cluster
  bool is_repeat = false;         // of a session's request that was carried out before
};

// Who a submitted write reports to; see Store::submit.
struct WriteTag {
  std::uint64_t owner = 0;
  std::uint64_t request = 0;
};
class WriteListener {
 public:
  virtual ~WriteListener() = default;
  // Once per submitted write, from one of the store's threads or from inside flush() or submit() on
  // the caller's. Must not block and must not call the store.
  virtual void on_written(const WriteTag& tag, Result<WriteResult> result) = 0;
};

// Makes a key's new value out of its newest one. Nothing comes between the two: it is asked when
// the write takes its place in the log.
class ValueUpdate {
 public:
  enum class Action { kPut, kDelete, kNothing };
  virtual ~ValueUpdate() = default;
  // `current`: the newest value, or nothing when there is no such key. kPut: `next`, which was
  // empty, is the new one. An error is the write's, and nothing is done. Called once at most, by
  // whoever submits, under the log's lock: it must be quick, and not call the store.
  [[nodiscard]] virtual Result<Action> apply(std::optional<std::string_view> current,
                                             std::string& next) = 0;
};

struct Write {
  // kOpenSession: of the session `session.session`, a number that the caller has drawn at random.
  enum class Kind { kPut, kDelete, kBatch, kUpdate, kOpenSession };
  Kind kind = Kind::kPut;
  std::string_view key;           // valid during submit(), or as long as `owner` lives
  std::string_view value;         // the same
  const Batch* batch = nullptr;   // kBatch; valid during submit()
  ValueUpdate* update = nullptr;  // kUpdate, without a condition; valid during submit()
  std::shared_ptr<const void>
      owner;  // keeps key and value alive, so that large ones are not copied
  WriteOptions options;
  SessionRequest session;               // of all kinds but kUpdate; never Ack::kLocal
  ReadMode mode = ReadMode::kMayBlock;  // kNoWait: kWouldBlock, and nothing done, when judging the
                                        // condition would have to wait for the disk
};

struct SegmentStats {
  std::uint32_t id = 0;
  bool is_active = false;
  bool is_merged = false;  // written by a merge, not by writers
  std::uint64_t bytes = 0;
  std::uint64_t records = 0;     // puts and deletes
  std::uint64_t live_bytes = 0;  // of records the index points at
  std::uint64_t dead_bytes = 0;  // what a merge of it would give back
  // Which rule keeps what is not live in it; empty when all of it is live.
  std::string kept_because;
  Version first_version = 0;
  Version last_version = 0;
};

// How the last open went.
struct RecoveryStats {
  std::uint64_t keys = 0;
  std::uint64_t segments = 0;
  std::uint64_t segments_by_checkpoint = 0;
  std::uint64_t segments_by_hint = 0;
  std::uint64_t segments_by_scan = 0;
  std::uint64_t bytes_cut = 0;          // torn tail, never acknowledged as durable
  std::uint64_t bytes_quarantined = 0;  // missing or damaged; their keys answer kCorruption
  std::uint64_t segments_damaged = 0;   // in which they are
  double duration_ms = 0;               // of it all
  double segments_ms = 0;               // of it, reading hints and scanning segments
  double index_ms = 0;                  // and filling the index
};

enum class MergeState { kIdle, kMerging, kPaused };
struct MergeStats {
  MergeState state = MergeState::kIdle;
  bool is_automatic = true;  // as Options has it
  double space_target = 0;   // the same
  double debt = 0;           // dead bytes as a share of those Options::space_target allows
  std::uint64_t rate = 0;    // bytes a second the merge under way may take
  std::uint64_t bytes_total =
      0;  // of the merge under way, or of all that merge() is to do; at most
  std::uint64_t bytes_done = 0;
  bool is_on_demand = false;
  std::uint64_t rate_max = 0;  // on demand: 0 is no limit
  std::uint64_t merges = 0;    // since the store was opened, as all below
  std::uint64_t failures = 0;
  std::uint64_t bytes_read = 0;
  std::uint64_t bytes_written = 0;
  std::uint64_t bytes_freed = 0;
};

// What one call of Store::merge did.
struct MergeSummary {
  std::uint64_t inputs = 0;  // segments
  std::uint64_t outputs = 0;
  std::uint64_t bytes_read = 0;
  std::uint64_t bytes_written = 0;
  std::uint64_t puts_kept = 0;
  std::uint64_t deletes_kept = 0;  // they still hide older records
  std::uint64_t deletes_dropped = 0;
  bool was_stopped = false;  // by stop_merge(), before it had come to everything
};

// Where a key lives, and what else of it is on the disk.
struct Inspection {
  struct Record {
    std::uint32_t segment = 0;
    bool is_in_merged = false;  // the segment was written by a merge
    std::uint64_t offset = 0;   // of the record, in the segment
    std::uint64_t bytes = 0;    // it takes there
    std::uint64_t value_size = 0;
    Version version = 0;
    bool is_delete = false;
    bool is_current = false;  // what a read of the key answers with
  };
  std::vector<Record> records;                  // newest first
  std::uint64_t segments = 0;                   // of the store
  std::uint64_t segments_skipped = 0;           // by their key filters: the key is not in them
  std::vector<std::uint32_t> damaged_segments;  // where there may be more, unreadable
};

// What reading all sealed segments again and again has found; see Options::scrub_rate.
struct ScrubStats {
  std::uint64_t rate = 0;      // bytes a second
  std::uint64_t bytes = 0;     // read since the store was opened
  std::uint64_t rounds = 0;    // in which every segment was read
  std::uint64_t findings = 0;  // each counted once
  // Since the segment was read whole that was not for the longest; at most as old as the open.
  std::uint64_t oldest_unverified_age_s = 0;
};

enum class SpaceState {
  kNormal,
  kFull,        // puts are refused
  kMergesOnly,  // deletes, too
};
// Of the cache of small values.
struct CacheStats {
  std::uint64_t hits = 0;  // since the store was opened
  std::uint64_t misses = 0;
  std::uint64_t bytes = 0;
  std::uint64_t bytes_max = 0;
};

struct SpaceStats {
  SpaceState state = SpaceState::kNormal;
  std::uint64_t free_bytes = 0;  // of the disk
  std::uint64_t total_bytes = 0;
  std::uint64_t reserve_bytes = 0;  // kept back for what gives room
};

struct Stats {
  std::uint64_t keys = 0;      // those of sessions are not counted
  std::uint64_t sessions = 0;  // open
  std::uint64_t key_bytes = 0;
  std::uint64_t index_bytes = 0;   // both indexes and the keys in them
  double index_bytes_per_key = 0;  // beyond the key's own bytes
  std::uint64_t disk_bytes = 0;
  std::uint64_t live_bytes = 0;
  std::uint64_t open_segment_files = 0;
  std::uint64_t snapshots = 0;
  Version last_version = 0;    // newest visible
  Version synced_version = 0;  // newest known to be on disk
  std::uint64_t writes = 0;    // records appended since the store was opened
  std::uint64_t syncs = 0;
  std::uint64_t reads_deferred = 0;  // kNoWait reads that would have waited
  CacheStats cache;
  bool is_read_only = false;
  RecoveryStats recovery;
  MergeStats merge;
  ScrubStats scrub;
  SpaceStats space;
  std::vector<SegmentStats> segments;
};

// An embedded key-value store in the Bitcask line (Sheehy and Smith, "Bitcask: A Log-Structured
// Hash Table for Fast Key/Value Data", 2010) with an ordered index. Keys are 1..kKeySizeMax bytes,
// values 0..kValueSizeMax, both of any content; order is that of the bytes as unsigned numbers.
//
// All methods may be called from any thread. The data directory belongs to one process at a time.
// After a crash at any moment open() needs no flag and no person: docs/durability.md.
class Store {
 public:
  // Opens the database in `directory`, creating it if it is missing or empty. Errors: kLocked,
  // kNotADatabase, kNewerFormat, kCorruption (MANIFEST), kNoSpace, kIo.
  [[nodiscard]] static Result<Store> open(const std::filesystem::path& directory,
                                          const Options& options = {});
  Store(Store&&) noexcept;
  Store& operator=(Store&&) noexcept;
  ~Store();  // closes, if close() was not called

  // Errors of writes: kInvalidArgument, kConflict (the context says the version found), kNoSpace,
  // kUnknownOutcome, kReadOnly, kClosed; of those of a session kSessionExpired, kRequestForgotten.
  [[nodiscard]] Result<Version> put(std::string_view key, std::string_view value,
                                    const WriteOptions& options = {});
  // nullopt: there was no such key.
  [[nodiscard]] Result<std::optional<Version>> del(std::string_view key,
                                                   const WriteOptions& options = {});
  [[nodiscard]] Result<Version> write(const Batch& batch, const WriteOptions& options = {});

  // nullopt: nothing was written. An update's own errors, and those of get() and put().
  [[nodiscard]] Result<std::optional<Version>> update(std::string_view key, ValueUpdate& update,
                                                      const WriteOptions& options = {});

  // nullopt: there is no such key. kCorruption: there is, and its bytes are damaged.
  [[nodiscard]] Result<std::optional<Value>> get(std::string_view key,
                                                 ReadMode mode = ReadMode::kMayBlock) const;
  [[nodiscard]] Result<std::optional<Value>> get(std::string_view key, const Snapshot& snapshot,
                                                 ReadMode mode = ReadMode::kMayBlock) const;
  // Each as get() would; the listener, which calls no store, hears of them in order before this
  // returns. Waits for memory once for many keys where get() waits for each.
  void get_many(std::span<const std::string_view> keys, ReadMode mode,
                ReadListener& listener) const;
  // What a get() of the key reads, in bytes: never less than its value, and little more. From the
  // index alone; 0: there is no such key.
  std::uint64_t read_size(std::string_view key) const;
  Version version() const;  // newest visible; 0: nothing was ever written
  Snapshot snapshot() const;
  [[nodiscard]] Cursor range(RangeOptions options) const;  // on a snapshot of its own
  [[nodiscard]] Cursor range(RangeOptions options, const Snapshot& snapshot) const;

  // The same writes without waiting: submit() gives each its place in the log, flush() writes what
  // was submitted (by any thread) in as few calls as possible, and the listener hears of each when
  // it is acknowledged. submit() may report a refusal at once. The listener outlives the write.
  // kMayBlock, for a thread that has nothing else to do: what waits for the disk, whoever submitted
  // it, is synced in this call, and nobody is woken for it, if writes have been quick of late and
  // unless a sync is under way; whoever makes that one sees to the rest. (Writes are acknowledged
  // in log order: the caller's wait for those of others.)
  void submit(const Write& write, WriteListener& listener, WriteTag tag);
  void flush(ReadMode mode = ReadMode::kNoWait);

  // What a write of the session reads first, for read_size() and get().
  static std::string session_key(std::uint64_t session);
  // Ends sessions that were not written to since `before_ms`, by the clocks of those who wrote; how
  // many it found. One that is written to meanwhile stays. Does not wait for the writes.
  Result<std::uint64_t> expire_sessions(std::uint64_t before_ms);

  // Makes all that was acknowledged durable.
  [[nodiscard]] Result<void> sync();
  // Merges every segment that has something to give back, at most `rate_max` bytes a second (0: as
  // fast as it goes), and returns when it is done. Readers and writers go on meanwhile. Safe to
  // interrupt anywhere, by close() or a crash. kClosed, kNoSpace, kIo.
  Result<MergeSummary> merge(std::uint64_t rate_max = 0);
  // Writes a checkpoint of the index, from which the next open starts. The store does so by itself
  // when much has changed. kNoSpace, kIo.
  Result<void> checkpoint();
  // The store starts no merge by itself until it is told to resume, or opened again.
  void pause_merges();
  void resume_merges();
  // Ends merge() within moments: what it has finished stays, what it has begun is dropped.
  void stop_merge();
  // Reads every segment whose key filter does not rule the key out, whole: for people, not for
  // programs. kInvalidArgument, kIo, kClosed.
  [[nodiscard]] Result<Inspection> inspect(std::string_view key) const;
  // Reads every byte of every sealed segment and its hint now; see kv::verify. kClosed.
  [[nodiscard]] Result<VerifyReport> verify(const VerifyOptions& options = {});
  // Makes the backup in `directory`, which is missing, empty or holds an earlier backup of this
  // database, whose files are used again. All that was acknowledged before the call is in it.
  // Readers, writers and merges go on. Safe to interrupt anywhere: the backup before stays whole.
  // kNotADatabase (`directory` holds something else), kLocked (another backup is at it), kNoSpace,
  // kIo, kClosed.
  [[nodiscard]] Result<BackupSummary> backup(const std::filesystem::path& directory,
                                             const BackupOptions& options = {});
  // Ends verify() and backup() under way, and the scrub, within moments; for good.
  void stop_upkeep();
  Stats stats() const;
  // Syncs, seals the active segment with a hint, so that the next open is fast. Repeated calls do
  // nothing. The destructor does the same and cannot report.
  [[nodiscard]] Result<void> close();

 private:
  friend class StoreImpl;
  explicit Store(std::unique_ptr<class StoreImpl> impl);
  std::unique_ptr<class StoreImpl> impl_;
};

}  // namespace kv
