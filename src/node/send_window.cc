#include "node/send_window.h"

namespace kv::node {

// The time that a piece took tells the rate, as what was ahead of it came first. What a way takes
// that nothing waits on counts for it, up to a point: it may have been busy with something else.
void SendWindow::acknowledged(std::uint64_t place, const raft::Instant& now) {
  while (!pieces_.empty() && pieces_.front().end <= place) {
    const Piece piece = pieces_.front();
    pieces_.pop_front();
    const std::uint64_t bytes = piece.end - std::min(piece.end, last_end_);
    last_end_ = piece.end;
    const std::uint64_t took_us = raft::longest_us(piece.sent, now);
    shortest_us_ = std::min(shortest_us_, took_us);
    if (piece.end <= judged_) continue;
    const std::uint64_t waited_us = took_us - std::min(shortest_us_, patience_us_);
    if (waited_us <= patience_us_ / 4) {
      size_ = std::min(kMax, size_ + bytes);
    } else if (waited_us > patience_us_) {
      const std::uint64_t fitting = piece.ahead * patience_us_ / waited_us;
      size_ = std::max(kPieceMin, std::min(size_ / 2, fitting));
      judged_ = pieces_.empty() ? piece.end : pieces_.back().end;
    }
  }
}

}  // namespace kv::node
