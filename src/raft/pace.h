#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>

#include "raft/clock.h"

namespace kv::raft {

// How fast a leader sends a peer what is committed without it: so many bytes a second, and beyond
// that as much as the log has grown by, or a peer of a busy cluster would never be level. Whatever
// else goes over the leader's network or is done by its processors does not wait for a peer that
// nothing waits for.
//
// A token bucket of a tenth of a second; one message may overdraw it. Bytes are of the log, with
// kEntryOverhead for each record: many small ones are more work than a few large ones.
class Pace {
 public:
  // `grown`: bytes by which the log has grown so far, since any beginning. `rate`: bytes a second.
  bool may_send(const Instant& now, std::uint64_t grown, std::uint64_t rate) {
    constexpr double kMicro = 1e6;
    const double burst = static_cast<double>(rate) / kBurstsPerSecond;
    if (!earned_) {
      credit_ = burst;
    } else {
      credit_ +=
          static_cast<double>(shortest_us(*earned_, now)) / kMicro * static_cast<double>(rate);
      credit_ = std::min(burst, credit_ + static_cast<double>(grown - grown_));
    }
    earned_ = now;
    grown_ = grown;
    return credit_ > 0;
  }
  std::optional<Instant> earned() const { return earned_; }
  std::int64_t credit() const { return static_cast<std::int64_t>(credit_); }
  void spend(std::uint64_t bytes) { credit_ -= static_cast<double>(bytes); }

 private:
  static constexpr double kBurstsPerSecond = 10;

  std::optional<Instant> earned_;
  std::uint64_t grown_ = 0;
  double credit_ = 0;
};

}  // namespace kv::raft
