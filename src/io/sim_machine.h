#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "io/sim_operation.h"
#include "kv/result.h"

namespace kv::io {

// Why an operation does not happen, or not as a whole.
struct SimRefusal {
  enum class Reason { kIsOff, kPowerLost, kFault, kShort };
  Reason reason;
  Error error;
};

// Power and planned faults of the simulated machine: every operation asks here whether it may
// happen. Not thread-safe.
class SimMachine {
 public:
  // Told of every operation before it happens; true: the power goes during this one.
  using Hook = std::function<bool(const SimCall&)>;

  // Nothing: the operation goes on. `boot` is the one in which its handle was made.
  std::optional<SimRefusal> start(const SimCall& call, std::uint64_t boot);
  // Whether one that was made in `boot` would be refused for want of power, without counting it.
  std::optional<Error> find_off(const std::string& context, std::uint64_t boot) const;

  // The power goes during the change that follows `changes` more of them.
  void lose_power_after(std::uint64_t changes) { left_ = changes; }
  void keep_power() { left_.reset(); }
  void lose_power();
  void restart();
  bool is_on() const { return is_on_; }
  std::uint64_t boot() const { return boot_; }
  std::uint64_t changes() const { return changes_; }
  std::uint64_t operations() const { return operations_; }
  // The operation in which the power went by plan.
  const std::string& last_words() const { return last_words_; }

  // Once the power is gone, what was opened before can still be read: see SimFileSystem.
  void let_reads_outlive_power() { do_reads_outlive_power_ = true; }

  void set_hook(Hook hook) { hook_ = std::move(hook); }
  void plan(SimFault fault) { faults_.push_back(std::move(fault)); }
  void clear_faults() { faults_.clear(); }
  // Meanwhile faults neither strike nor count.
  void hold_faults(bool are_held) { are_faults_held_ = are_held; }

 private:
  bool loses_power(const SimCall& call);
  std::optional<SimRefusal> fail_by_plan(const SimCall& call);

  Hook hook_;
  std::vector<SimFault> faults_;  // counted down in place
  bool are_faults_held_ = false;
  bool is_on_ = true;
  bool do_reads_outlive_power_ = false;
  std::uint64_t boot_ = 0;
  std::uint64_t operations_ = 0;
  std::uint64_t changes_ = 0;
  std::optional<std::uint64_t> left_;  // changes until the power goes
  std::string last_words_;
};

}  // namespace kv::io
