// How a leader knows that it still leads: check-quorum (thesis 6.2, rule E6), leases (thesis 6.4.1,
// rules L2, L3, L5) and an eye on its own disk (rule E8).

#include <algorithm>

#include "base/check.h"
#include "raft/core.h"
#include "raft/planted.h"

namespace kv::raft {

void Core::tick_leader() {
  const Config& config = configs_.latest();
  if (longest_us(heartbeat_sent_, now_) >= config.heartbeat_us()) begin_round();
  if (longest_us(quorum_contact_, now_) >= config.election_us && !is_spoken_to()) {
    return become_follower(hard_.term, kNoNode);
  }
  if (transfer_ && longest_us(transfer_->begun, now_) >= config.election_us) transfer_.reset();
  check_disk();
}

// Rule E6: a leader that nobody hears would otherwise take writes for ever. Behind much that is on
// its way over a slow link echoes are those of rounds of long ago, or none: they keep no lease and
// prove no read. But who answers hears us, or did within an election timeout.
bool Core::is_spoken_to() const {
  const Config& config = configs_.latest();
  const auto speaking = std::ranges::count_if(config.voters, [&](NodeId node) {
    if (node == id_) return true;
    const auto peer = peers_.find(node);
    return peer != peers_.end() && peer->second.spoke &&
           longest_us(*peer->second.spoke, now_) < config.election_us;
  });
  return static_cast<std::size_t>(speaking) >= config.majority();
}

// A round that a majority echoed was begun when all of them still followed us. Rule L3: what counts
// is when it began, before it was sent; when the echo came in says nothing.
void Core::note_quorum() {
  const Round reached = reached_by_majority(configs_.latest(), [&](NodeId node) -> Round {
    if (node == id_) return rounds_.current();
    const auto peer = peers_.find(node);
    return peer == peers_.end() ? 0 : peer->second.echoed;
  });
  if (reached <= quorum_round_) return;
  const auto begun = rounds_.stamp_of(reached);
  KV_CHECK(begun || rounds_.current() - reached >= Rounds::kRoundsMax);
  quorum_round_ = reached;
  if (begun) quorum_contact_ = is_planted(Bug::kLeaseFromReceipt) ? now_ : *begun;
  if (begun) lease_begun_ = quorum_contact_;
  rounds_.forget_before(reached);
  prove_reads(reached);
}

bool Core::holds_lease(const Instant& now) const {
  const Config& config = configs_.latest();
  if (!serves() || is_lease_void_ || !lease_begun_) return false;
  if (disk_watch_.stalled_us(now) > config.election_us / 2) return false;
  return longest_us(*lease_begun_, now) < config.lease_us();
}

std::optional<Seq> Core::lease_read(const Instant& now) const {
  if (!settings_.has_lease_reads || !holds_lease(now)) return std::nullopt;
  return std::max(commit_, promised_seq_);
}

std::optional<Instant> Core::lease_end() const {
  if (!holds_lease(now_)) return std::nullopt;
  const std::uint64_t lease_us = configs_.latest().lease_us();
  return Instant{.boot_us = lease_begun_->boot_us + lease_us,
                 .raw_us = lease_begun_->raw_us + lease_us};
}

// Where there is nobody else, waiting is all there is.
bool Core::has_stalled_disk(const Instant& now) const {
  const Config& config = configs_.latest();
  return !config.is_only_voter(id_) && disk_watch_.stalled_us(now) > config.election_us / 2;
}

// Rule E8: heartbeats need no disk, so a leader whose disk stands still would lead on and commit
// nothing. It hands over if it can and lets go if it must; where there is nobody else, it waits.
void Core::check_disk() {
  if (!has_stalled_disk(now_)) return;
  if (disk_watch_.stalled_us(now_) >= configs_.latest().election_us)
    return become_follower(hard_.term, kNoNode);
  if (transfer_) return;
  if (const auto successor = best_successor()) {
    KV_CHECK(transfer(*successor).has_value());
  }
}

}  // namespace kv::raft
