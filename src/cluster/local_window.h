#pragma once

#include <cstdint>
#include <deque>
#include <optional>

#include "raft/clock.h"
#include "raft/types.h"

namespace kv::cluster {

// How old a record may become that is not committed before a leader stops acknowledging writes from
// its own disk alone: what such writes can lose is what was written within the window. Told the end
// of the log now and then, it takes a record for as old as the time before the one at which it was
// seen first. One thread.
class LocalWindow {
 public:
  explicit LocalWindow(std::uint64_t window_us) : window_us_(window_us) {}

  void note(raft::Seq last, raft::Seq commit, const raft::Instant& now) {
    while (!seen_.empty() && seen_.front().last <= commit) seen_.pop_front();
    if (last > commit && (seen_.empty() || seen_.back().last < last)) {
      seen_.push_back({last, looked_.value_or(now)});
    }
    looked_ = now;
  }
  // Until when; of what comes until the next note() the first may be as old as the last one.
  raft::Instant end(raft::Seq commit) const {
    for (const Seen& one : seen_) {
      if (one.last > commit) return after(one.since);
    }
    return after(looked_.value_or(raft::Instant{}));
  }

 private:
  struct Seen {
    raft::Seq last;
    raft::Instant since;
  };
  raft::Instant after(const raft::Instant& then) const {
    return {.boot_us = then.boot_us + window_us_, .raw_us = then.raw_us + window_us_};
  }

  const std::uint64_t window_us_;
  std::deque<Seen> seen_;
  std::optional<raft::Instant> looked_;
};

}  // namespace kv::cluster
