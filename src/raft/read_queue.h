#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <utility>
#include <vector>

#include "raft/ready.h"
#include "raft/types.h"

namespace kv::raft {

// A read that waits for proof that this node still led when it arrived.
struct WaitingRead {
  NodeId from = kNoNode;  // the follower that asked; kNoNode: our own driver
  std::uint64_t id = 0;   // the driver's, or the follower's nonce
  Seq seq = 0;            // what was committed when it arrived
  Round round = 0;        // which proves it once a majority echoed it; 0: not begun yet
};

// The reads of a leader, in the order in which they came. Rule of 3.7: a read is proven by a round
// that began after it arrived, and one round proves all that wait. The name of a round is the
// leader's own (term, round), never the caller's id: an id may come twice, and the echo of the
// first must not prove the second.
//
// Invariant: rounds ascend, those not begun are last.
class ReadQueue {
 public:
  // At most so many rounds are under way for reads; later reads share the next one.
  static constexpr std::size_t kRoundsMax = 8;

  std::size_t size() const { return reads_.size(); }
  const std::deque<WaitingRead>& reads() const { return reads_; }
  void push(const WaitingRead& read) { reads_.push_back(read); }

  bool wants_round() const {
    return !reads_.empty() && reads_.back().round == 0 && rounds_.size() < kRoundsMax;
  }
  // All that wait for a round get this one.
  void begin(Round round) {
    if (reads_.empty() || reads_.back().round != 0) return;
    for (auto read = reads_.rbegin(); read != reads_.rend() && read->round == 0; ++read) {
      read->round = round;
    }
    rounds_.push_back(round);
  }
  // The reads that are proven now that a majority echoed `round`.
  std::vector<WaitingRead> take_proven(Round round) {
    while (!rounds_.empty() && rounds_.front() <= round) rounds_.pop_front();
    std::vector<WaitingRead> proven;
    while (!reads_.empty() && reads_.front().round != 0 && reads_.front().round <= round) {
      proven.push_back(reads_.front());
      reads_.pop_front();
    }
    return proven;
  }
  std::deque<WaitingRead> take_all() {
    rounds_.clear();
    return std::exchange(reads_, {});
  }

 private:
  std::deque<WaitingRead> reads_;
  std::deque<Round> rounds_;  // begun for reads, not yet echoed
};

}  // namespace kv::raft
