#pragma once

#include <cstdint>
#include <deque>

#include "raft/clock.h"
#include "raft/ready.h"
#include "raft/types.h"

namespace kv::raft {

// Since when the disk owes us a completion: rule E8. A leader whose heartbeats go out while its
// disk stands still keeps everybody waiting. Watched in every role: whoever let go for that reason
// must not be elected again before the disk goes on.
class DiskWatch {
 public:
  // Writes by their numbers, ascending.
  void begin(std::uint64_t write, const Instant& now) {
    if (pending_.size() < kWritesMax) pending_.push_back({write, now});
  }
  // All up to that one are done: writes finish in order.
  void done(std::uint64_t write) {
    while (!pending_.empty() && pending_.front().write <= write) pending_.pop_front();
  }
  // How long the oldest has been under way; 0: none is.
  std::uint64_t stalled_us(const Instant& now) const {
    return pending_.empty() ? 0 : longest_us(pending_.front().begun, now);
  }

 private:
  // More need not be known: only the oldest counts.
  static constexpr std::size_t kWritesMax = 4096;
  struct Pending {
    std::uint64_t write = 0;
    Instant begun;
  };
  std::deque<Pending> pending_;
};

}  // namespace kv::raft
