// A replica's part in comparing what the members hold, and what becomes of one that differs (3.11
// of the protocol).

#include "node/replica.h"

namespace kv::node {

tl::expected<raft::Seq, raft::Refusal> Replica::compare(const raft::Instant& now) try {
  if (is_over() || leading_ == 0) return tl::unexpected(raft::Refusal::kNotLeader);
  const auto sequence = pipeline().append_compare();
  if (!sequence) return tl::unexpected(raft::Refusal::kNotReady);
  comparison_.wrote(now);
  pipeline().flush(ReadMode::kNoWait);
  process();
  return *sequence;
} catch (const UnreadableLog& log) {
  fail(log.error());
  return tl::unexpected(raft::Refusal::kNotLeader);
}

// A member that begins with nothing gets the log, or files where the log begins behind that; and
// what this node's disk lost may be on that member's alone.
bool Replica::can_serve() const {
  return repair_.left() == 0 && (floor_.seq == 0 || parts_.store.base_files());
}

void Replica::compare_states(const raft::Instant& now) {
  if (is_over()) return;
  if (const auto successor = comparison_.take_successor(*core_)) {
    [[maybe_unused]] const auto begun = transfer(*successor, now);
  }
  const bool has_others = !core_->peers().empty();
  if (leading_ != 0 && has_others && comparison_.is_due(now)) [[maybe_unused]]
    const auto written = compare(now);
}

void Replica::receive(const peer::FingerprintFrame& frame, const raft::Instant& now) try {
  if (is_over() || frame.envelope().to != core_->id()) return;
  if (!comparison_.has_stopped()) {
    tick(now);
    process();
    if (is_over()) return;
  }
  const auto wish = comparison_.receive(frame, *core_, pipeline().last_sequence(), now);
  if (wish == StateComparison::Wish::kBeginAnew) return begin_anew();
  if (!comparison_.has_stopped()) process();
} catch (const UnreadableLog& log) {
  fail(log.error());
}

// What the log says of the members goes with it, so MEMBERS says it first. Then the claim: whoever
// comes up without the log and does not know that it had one could help somebody to lead who has
// less. A crash behind it leaves a node that has all it claims. The rest is done by whoever opens
// the node again; see replace().
void Replica::begin_anew() {
  const raft::Seq last = pipeline().last_sequence();
  if (!write_members()) return;
  if (auto claimed = claim(parts_.hard_state, point_at(last).position()); !claimed) {
    return fail(claimed.error());
  }
  pipeline().follow(not_leading());
  replacement_.emplace();
}

}  // namespace kv::node
