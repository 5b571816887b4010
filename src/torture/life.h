#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "io/sim_file_system.h"
#include "kv/store.h"
#include "torture/log_model.h"
#include "torture/watched_file_system.h"

namespace kv::torture {

// How the machine ended: what it kept.
struct Aftermath {
  io::CrashMode mode = io::CrashMode::kLoseUnsynced;
  std::uint64_t variant = 0;
};
std::string describe(const Aftermath& aftermath);

// A write, and what it is expected to do.
struct PlannedWrite {
  Write::Kind kind = Write::Kind::kPut;
  std::string key;
  std::string value;  // of an update: the suffix
  Batch batch;
  WriteOptions options;
  std::vector<ModelChange> changes;  // empty: no record
  bool is_conflict = false;
};
PlannedWrite plan_put(std::string key, std::string value);
PlannedWrite plan_delete(std::string key);
// Of the value that the key has before it: `suffix` is appended; a long value is replaced by it; an
// empty suffix deletes.
PlannedWrite plan_update(std::string key, const ModelState& before, std::string suffix);

// A store on a simulated machine, beside the model of what it promised: every answer is held
// against the model, and so is what it finds when it is opened after a crash. The first thing that
// is wrong becomes the problem(), and nothing counts after it.
//
// What a step returns says whether life goes on: false when the power went, when the store must be
// opened again, or when there is a problem. One thread; the same steps do the same every time.
class Life : private EventListener, private WriteListener {
 public:
  struct Settings {
    std::uint64_t seed = 1;
    Sync sync = Sync::kDisk;
    std::uint32_t open_segments_max = 512;
    std::uint64_t value_cache_max = 0;
  };
  explicit Life(const Settings& settings, io::SimDisk disk = {});
  ~Life() override;

  static constexpr const char* kDirectory = "/db";
  io::SimFileSystem& machine() { return machine_; }
  LogModel& model() { return model_; }
  Store& store() { return *store_; }
  bool is_open() const { return store_.has_value(); }
  const std::optional<std::string>& problem() const { return problem_; }
  const std::deque<std::string>& trail() const { return trail_; }  // the last steps
  void demand(bool holds, std::string_view what);
  void note(std::string step);

  // Failures are to be expected from here on, or not any more.
  void expect_failures(bool are_faults);
  void expect_calm();
  // The disk rots: from here on only what the caller demands counts.
  void expect_damage() { expects_failures_ = had_faults_ = true; }
  bool is_calm() const { return !expects_failures_ && machine_.is_on(); }
  bool expects_failures() const { return expects_failures_; }
  bool is_broken() const { return is_broken_; }

  bool open();
  // What an open found is a prefix of the log with all that was promised; no false alarm; no file
  // too many. From here on it is what the model holds.
  void check_start();
  // A second start after a power cut finds the same and changes nothing.
  bool check_convergence();
  // It takes writes and merges as ever, and what it promises holds.
  bool check_afterlife();
  void shut();   // as a process that dies
  bool close();  // as one that is asked to
  // Cuts the power, if it is still on, and brings the machine back.
  void restart(const Aftermath& aftermath);

  bool write(const PlannedWrite& planned);
  bool put(std::string key, std::string value) {
    return write(plan_put(std::move(key), std::move(value)));
  }
  bool del(std::string key) { return write(plan_delete(std::move(key))); }
  // A group: submitted one by one, then written and synced together.
  void submit(PlannedWrite planned);
  bool finish_group();
  bool sync();
  // Other clients' writes come in before the given operations of the merge, in ascending order;
  // `plan` is asked for each when it is due.
  bool merge(std::span<const std::uint64_t> operations = {},
             const std::function<PlannedWrite()>& plan = {});
  bool checkpoint();
  bool take_snapshot();
  bool check_snapshots();
  void drop_snapshot(std::size_t which);
  std::size_t snapshots() const { return snapshots_.size(); }
  bool check() { return check_state(model_.newest(), nullptr); }

  bool goes_on() const { return machine_.is_on() && !is_broken_ && !problem_; }

 private:
  struct Seen {
    Snapshot snapshot;
    ModelState state;
  };
  struct Submitted {
    PlannedWrite planned;
    Version version = 0;
    std::optional<Result<WriteResult>> result;
    bool was_judged = false;
  };

  void judge_newest();
  void judge(const PlannedWrite& planned, Version version, const Result<WriteResult>& result);
  void judge_submitted();
  bool is_durable(const PlannedWrite& planned) const;
  void note_error(const Error& error, std::string_view step);
  bool check_state(const ModelState& state, const Snapshot* snapshot);
  void check_key(const std::string& key, const ModelState& state, const Snapshot* snapshot);
  void check_range(const ModelState& state, const Snapshot* snapshot, bool is_reverse);
  void check_visible();
  void check_files(bool is_second);
  void check_file(const std::string& name, const Stats& stats, bool is_second);
  void check_alarms();
  void on_event(const Event& event) override;
  void on_written(const WriteTag& tag, Result<WriteResult> result) override;

  io::SimFileSystem machine_;
  WatchedFileSystem fs_;
  Options options_;
  LogModel model_;
  std::set<std::string> keys_;  // that were ever written
  std::vector<Submitted> submitted_;
  std::optional<Store> store_;
  std::vector<Seen> snapshots_;
  bool expects_failures_ = false;
  bool had_faults_ = false;  // since the store was opened: it may have given up closing well
  bool is_broken_ = false;   // the store must be opened again
  std::vector<std::string> alarms_;
  std::optional<std::string> problem_;
  std::deque<std::string> trail_;
};

}  // namespace kv::torture
