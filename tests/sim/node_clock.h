#pragma once

#include <cstdint>

#include "raft/clock.h"
#include "sim/event_queue.h"

namespace kv::sim {

// A machine's two clocks: they run at a rate of their own, and may stand still. Suspended, the one
// that counts suspension goes on; frozen by a hypervisor, neither does, and nobody inside can tell.
class NodeClock {
 public:
  enum class Motion : std::uint8_t { kRuns, kSuspended, kFrozen };

  void set_rate(Time now, std::uint64_t permille) {
    settle(now);
    permille_ = permille;
  }
  void set_motion(Time now, Motion motion) {
    settle(now);
    motion_ = motion;
  }
  raft::Instant read(Time now) const {
    const std::uint64_t passed = (now - since_) * permille_ / 1000;
    raft::Instant reading = base_;
    if (motion_ != Motion::kFrozen) reading.boot_us += passed;
    if (motion_ == Motion::kRuns) reading.raw_us += passed;
    return reading;
  }

 private:
  void settle(Time now) {
    base_ = read(now);
    since_ = now;
  }

  Time since_ = 0;
  raft::Instant base_ = {.boot_us = 1, .raw_us = 1};
  std::uint64_t permille_ = 1000;
  Motion motion_ = Motion::kRuns;
};

}  // namespace kv::sim
