#pragma once

#include <cstdint>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "io/sim_file_system.h"
#include "kv/store.h"
#include "tests/unit/engine/support/log_model.h"

namespace kv::test {

// The life of a store on a simulated machine, told by a seed: random writes, reads and reopenings,
// with crashes, failures and full disks in between, and after each step what the model allows is
// checked. Everything happens on the caller's thread in the same order every time.
class StoreStory : private EventListener {
 public:
  enum class Trouble {
    kCrashes,   // the power goes, or the process dies, at any change; in recovery, too
    kFullDisk,  // and the disk runs full
    kFailures,  // and reads, writes, syncs fail
  };
  StoreStory(std::uint64_t seed, Trouble trouble);
  ~StoreStory() override;

  void run(int steps);

 private:
  struct Seen {
    Snapshot snapshot;
    ModelState state;
  };
  struct Planned {
    Write write;
    std::string key;
    std::string value;
    Batch batch;
    std::vector<ModelChange> changes;  // empty: no record
    bool is_conflict = false;
  };

  std::uint64_t below(std::uint64_t bound) { return bound == 0 ? 0 : random_() % bound; }
  bool chance(std::uint64_t percent) { return below(100) < percent; }
  std::string some_key() { return "k" + std::to_string(below(30)); }
  std::string some_value();

  void step();
  void plan_trouble();
  void end_trouble();
  bool is_calm() const { return !has_trouble_ && fs_.is_on(); }

  Planned plan_write();
  void plan_condition(Planned& planned);
  void write_one();
  void write_group();
  void judge(const Planned& planned, Version version, const Result<WriteResult>& result);
  bool is_durable(const Write& write) const;
  void sync();
  void merge();
  void checkpoint();
  void take_snapshot();
  void check_snapshots();

  void recover();
  void restart_machine();
  void reopen();
  void shut();
  void check_open();
  void check_state(const ModelState& state, const Snapshot* snapshot);
  void check_range(const ModelState& state, const Snapshot& snapshot);
  void on_event(const Event& event) override;

  std::mt19937_64 random_;
  const Trouble trouble_;
  io::SimFileSystem fs_;
  Options options_;
  LogModel model_;
  std::optional<Store> store_;
  std::vector<Seen> snapshots_;
  bool has_trouble_ = false;   // failures are to be expected
  bool had_failures_ = false;  // since the store was opened: it may have given up closing well
  bool is_broken_ = false;     // the store must be opened again
  std::vector<std::string> alarms_;
};

}  // namespace kv::test
