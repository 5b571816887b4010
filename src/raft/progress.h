#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>

#include "raft/clock.h"
#include "raft/pace.h"
#include "raft/types.h"

namespace kv::raft {

// How quickly a learner follows (thesis 4.2.1): the leader's end of log is a mark, and how long the
// learner needs to reach it is one round of catching up. Rule M4: it may vote after kRoundsNeeded
// short ones in a row, while the one under way is short as well: who fell silent since does not
// follow any more.
class CatchUp {
 public:
  static constexpr std::uint64_t kRoundsNeeded = 3;
  static constexpr std::uint64_t kRoundMaxUs = 2'000'000;

  bool is_done(const Instant& now) const {
    return short_rounds_ >= kRoundsNeeded && longest_us(begun_, now) < kRoundMaxUs;
  }
  std::uint64_t short_rounds() const { return short_rounds_; }
  Seq mark() const { return mark_; }
  // The peer said something new: what it has on disk, and where the leader's log ends now.
  void update(Seq match, Seq last, const Instant& now) {
    if (mark_ != 0 && match >= mark_) {
      short_rounds_ = longest_us(begun_, now) < kRoundMaxUs ? short_rounds_ + 1 : 0;
      mark_ = 0;
    } else if (mark_ != 0 && longest_us(begun_, now) >= kRoundMaxUs) {
      short_rounds_ = 0;
    }
    if (mark_ != 0) return;
    mark_ = last;
    begun_ = now;
  }

 private:
  Seq mark_ = 0;
  Instant begun_;
  std::uint64_t short_rounds_ = 0;
};

// What a leader knows of one peer's log, and what is on the way to it. Never outlives the term.
//
//   kProbe      looks for the end of what the logs have in common, one empty append at a time
//   kReplicate  sends as records come, ahead of the replies (thesis 10.2.1)
//   kSnapshot   the peer needs records from below the floor; the driver sends it the state, and
//               heartbeats ask whether the peer has it yet
//
// Invariant: match < next; records up to `match` are on the peer's disk and are the leader's.
class Progress {
 public:
  enum class State : std::uint8_t { kProbe, kReplicate, kSnapshot };

  explicit Progress(Seq next_seq) : next(next_seq) {}

  State state = State::kProbe;
  Seq match = 0;
  Seq next = 1;
  Seq applied = 0;               // what it said last; decides nothing
  Seq told_commit = 0;           // the highest that was sent
  Round echoed = 0;              // the last round the peer has heard of
  std::optional<Instant> heard;  // when it said so
  std::optional<Instant> spoke;  // when it said anything of this term
  // When the state changed last: answers of earlier rounds change it no more (rule R6). After the
  // peer found damage, earlier acknowledgements are stale as well.
  Round reset_round = 0;
  Round damage_round = 0;
  // The last begun when `match` rose last: what the peer says of a later one it said afterwards.
  Round match_round = 0;
  bool is_suspect = false;  // an alarm was raised
  Point snapshot;           // of kSnapshot
  CatchUp catch_up;
  Pace pace;

  void become_probe(Seq next_seq, Round round) {
    state = State::kProbe;
    next = next_seq;
    reset_round = round;
    forget_inflight();
  }
  void become_replicate(Seq matched, Round round) {
    state = State::kReplicate;
    reset_round = round;
    next = std::max(match, matched) + 1;
    forget_inflight();
  }
  void become_snapshot(const Point& point, Round round) {
    state = State::kSnapshot;
    snapshot = point;
    reset_round = round;
    forget_inflight();
  }

  void note_sent(Seq last, std::uint64_t bytes) {
    inflight_.push_back({last, bytes});
    inflight_bytes_ += bytes;
    next = last + 1;
  }
  // The peer's disk has the leader's records up to `durable`. True: that is news.
  bool note_durable(Seq durable) {
    if (durable <= match) return false;
    match = durable;
    next = std::max(next, match + 1);
    while (!inflight_.empty() && inflight_.front().last <= match) {
      inflight_bytes_ -= inflight_.front().bytes;
      inflight_.pop_front();
    }
    return true;
  }
  std::uint64_t inflight_bytes() const { return inflight_bytes_; }
  std::size_t inflight_messages() const { return inflight_.size(); }
  struct Inflight {
    Seq last = 0;
    std::uint64_t bytes = 0;
  };
  const std::deque<Inflight>& inflight() const { return inflight_; }

 private:
  void forget_inflight() {
    inflight_.clear();
    inflight_bytes_ = 0;
  }

  std::deque<Inflight> inflight_;
  std::uint64_t inflight_bytes_ = 0;
};

}  // namespace kv::raft
