#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <limits>

#include "raft/clock.h"

namespace kv::node {

// How much of a state may be on its way to a member at once. Over a fast network kMax; over a slow
// one as much as arrives within a quarter of an election timeout or less, behind what the way
// itself takes: whatever a leader has to say beside it waits for that, and a majority has to answer
// within the timeout, or the leader lets go.
//
// It begins small, and grows with what is acknowledged while that comes soon. Places are bytes from
// the beginning of all files. The thread of its sender.
class SendWindow {
 public:
  static constexpr std::uint64_t kPieceMin = 4 * 1024;
  static constexpr std::uint64_t kPieceMax = 256 * 1024;
  static constexpr std::uint64_t kMax = 4 * kPieceMax;

  explicit SendWindow(std::uint64_t election_us) : patience_us_(election_us / 4) {}

  std::uint64_t size() const { return size_; }
  // A few of them, so that some come while others are on their way.
  std::uint64_t piece_size() const { return std::clamp(size_ / 4, kPieceMin, kPieceMax); }

  // A piece up to `end`; with it `ahead` bytes are on their way.
  void sent(std::uint64_t end, std::uint64_t ahead, const raft::Instant& now) {
    pieces_.push_back({end, ahead, now});
  }
  // The member has all before `place`.
  void acknowledged(std::uint64_t place, const raft::Instant& now);
  // What is on its way may be lost: nothing is to be learnt from when it is acknowledged.
  void forget() { pieces_.clear(); }

 private:
  struct Piece {
    std::uint64_t end = 0;
    std::uint64_t ahead = 0;
    raft::Instant sent;
  };

  const std::uint64_t patience_us_;
  std::uint64_t size_ = kPieceMin;
  std::uint64_t shortest_us_ = std::numeric_limits<std::uint64_t>::max();  // that one piece took
  std::uint64_t judged_ = 0;  // pieces that end before it were sent with a larger window
  std::uint64_t last_end_ = 0;
  std::deque<Piece> pieces_;
};

}  // namespace kv::node
