#pragma once

#include <cstddef>
#include <deque>
#include <optional>

#include "raft/clock.h"
#include "raft/types.h"

namespace kv::raft {

// A leader's rounds, with the moment each began: before anything that carries its number was sent.
// Invariant: at most kRoundsMax are remembered, in ascending order; the newest always is.
class Rounds {
 public:
  static constexpr std::size_t kRoundsMax = 1024;

  explicit Rounds(const Instant& now) { begin(now); }

  Round begin(const Instant& now) {
    stamps_.push_back(now);
    if (stamps_.size() > kRoundsMax) stamps_.pop_front();
    return ++current_;
  }
  Round current() const { return current_; }
  // None: it is too long ago, or never was.
  std::optional<Instant> stamp_of(Round round) const {
    if (round > current_ || current_ - round >= stamps_.size()) return std::nullopt;
    return stamps_[stamps_.size() - 1 - (current_ - round)];
  }
  // Those before `round` will not be asked for again.
  void forget_before(Round round) {
    while (stamps_.size() > 1 && current_ - round < stamps_.size() - 1) stamps_.pop_front();
  }

 private:
  Round current_ = 0;
  std::deque<Instant> stamps_;  // of the last rounds, up to current_
};

}  // namespace kv::raft
