// Leadership handed over on purpose (thesis 3.10; rule L5).

#include <algorithm>

#include "base/check.h"
#include "raft/core.h"
#include "raft/planted.h"

namespace kv::raft {

// The target need not wait for an election timeout, and nobody's promise stands in its way. So the
// lease that relies on these promises ends here, for the rest of the term: the transfer may be
// given up, but the target may campaign at any later time.
tl::expected<void, Refusal> Core::transfer(NodeId target) {
  if (role_ != Role::kLeader) return tl::unexpected(Refusal::kNotLeader);
  if (transfer_) return tl::unexpected(Refusal::kTransferring);
  if (target == id_ || !configs_.latest().is_voter(target) || !peers_.contains(target)) {
    return tl::unexpected(Refusal::kInvalid);
  }
  if (!is_planted(Bug::kLeaseAfterTransfer)) is_lease_void_ = true;
  transfer_ = Transfer{.target = target, .begun = now_};
  continue_transfer();
  return {};
}

// No writes are taken meanwhile, so the target soon has everything.
void Core::continue_transfer() {
  if (!transfer_ || transfer_->is_told) return;
  const auto found = peers_.find(transfer_->target);
  if (found == peers_.end()) return transfer_.reset();
  if (found->second.match != log_.last().seq) return;
  transfer_->is_told = true;
  send(transfer_->target, TimeoutNow{.token = hard_.term});
}

// A round that all echoed would say more, and there may never be one: a peer that is probed begins
// one for itself with each answer.
bool Core::can_succeed(NodeId peer) const {
  constexpr std::uint64_t kHeartbeats = 3;
  const Config& config = configs_.latest();
  const auto& heard = peers_.at(peer).heard;
  return config.is_voter(peer) && heard &&
         longest_us(*heard, now_) < kHeartbeats * config.heartbeat_us();
}

// Who has most, for a leader that has to go.
std::optional<NodeId> Core::best_successor() const {
  std::optional<NodeId> best;
  for (const auto& [peer, progress] : peers_) {
    if (!can_succeed(peer)) continue;
    if (!best || progress.match > peers_.at(*best).match) best = peer;
  }
  return best;
}

// No pre-vote: the leader itself wants the term to rise.
void Core::on(const Message& message, const TimeoutNow& request) {
  if (role_ == Role::kLeader || message.from != leader_ || request.token != hard_.term) return;
  if (may_campaign()) start_election(request.token);
}

}  // namespace kv::raft
