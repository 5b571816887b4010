#pragma once

#include <chrono>
#include <cstdint>
#include <deque>

namespace kv::cluster {

// When the log was how long: tells how far behind somebody is who has it up to some sequence. A
// sample each kStep, for kKept; beyond that, and for what was in the log before the first sample,
// it tells of the oldest one. One thread.
class LagClock {
 public:
  using Time = std::chrono::steady_clock::time_point;
  static constexpr std::chrono::milliseconds kStep{100};
  static constexpr std::chrono::minutes kKept{10};

  struct Lag {
    std::uint64_t records = 0;
    std::uint64_t bytes = 0;
    std::chrono::duration<double> age{0};  // since the log grew beyond what is there
  };

  // The log ends at `last`; `bytes`: any count that grows with it. A call within kStep of the one
  // before replaces what that said.
  void note(std::uint64_t last, std::uint64_t bytes, Time now);
  Lag behind(std::uint64_t sequence, Time now) const;

 private:
  struct Sample {
    Time time;
    std::uint64_t last;
    std::uint64_t bytes;
  };
  std::deque<Sample> samples_;
};

}  // namespace kv::cluster
