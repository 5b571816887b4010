#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "io/sim_random.h"
#include "torture/finding.h"
#include "torture/life.h"

namespace kv::torture {

// The life of a store told by a seed: random writes, batches, deletes, reads, snapshots, merges
// with writes in between, closes and reopenings, and crashes or failures at any operation, in
// recovery too. After each step the store is held against the model.
class RandomLife {
 public:
  enum class Trouble {
    kCrashes,   // the power goes, or the process dies, at any change
    kFullDisk,  // and the disk runs full
    kFailures,  // and reads, writes, syncs fail
  };
  RandomLife(std::uint64_t seed, Trouble trouble);

  // The first thing that went wrong.
  std::optional<Finding> run(int steps);
  std::uint64_t operations() { return life_.machine().changes(); }
  std::uint64_t crashes() const { return crashes_; }

 private:
  std::uint64_t below(std::uint64_t bound) { return random_.below(bound); }
  bool chance(std::uint64_t percent) { return random_.chance(percent); }
  std::string some_key() { return "k" + std::to_string(below(30)); }
  std::string some_value();

  void live(int steps);
  void step();
  void plan_trouble();
  void end_trouble();
  PlannedWrite plan_write();
  void plan_batch(PlannedWrite& planned);
  void plan_condition(PlannedWrite& planned);
  void write_group();
  void merge();
  void take_snapshot();
  void restart_machine();
  void recover();

  const std::uint64_t seed_;
  const Trouble trouble_;
  io::SimRandom random_;
  Life life_;
  bool has_crash_planned_ = false;
  std::uint64_t crashes_ = 0;
};

// All troubles, one life each.
std::optional<Finding> live_by_seed(std::uint64_t seed, std::uint64_t& operations);

}  // namespace kv::torture
