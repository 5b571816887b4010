// What is committed (thesis 3.6; rules R1, R2, M5).

#include <algorithm>

#include "base/check.h"
#include "raft/core.h"
#include "raft/planted.h"

namespace kv::raft {

bool Core::serves() const { return role_ == Role::kLeader && applied_ >= noop_seq_; }

// Rule R2: a majority of the voters of the newest configuration has it on disk, and it is of the
// leader's own term. A record of an earlier term may be on a majority and still be overridden
// (thesis figure 3.7); it is committed by one of this term behind it. Rule R1: the leader's disk
// counts like any other, and only if the leader is a voter.
void Core::maybe_commit() {
  if (role_ != Role::kLeader) return;
  const Seq own = is_planted(Bug::kCountsSelfEarly) ? log_.last().seq : durable_;
  const bool counts_self = is_planted(Bug::kRemovedCountsSelf) && !configs_.latest().is_voter(id_);
  const Config& voters = counts_self ? configs_.before_latest() : configs_.latest();
  const Seq reached = reached_by_majority(voters, [&](NodeId node) -> Seq {
    if (node == id_) return own;
    const auto peer = peers_.find(node);
    return peer == peers_.end() ? 0 : peer->second.match;
  });
  if (reached <= commit_) return;
  if (log_.point_at(reached).term != hard_.term && !is_planted(Bug::kCommitOldTerm)) return;
  commit_to(reached);
}

Seq Core::safe_floor() const {
  if (role_ != Role::kLeader) return safe_floor_;
  Seq safe = std::min(commit_, durable_);
  for (const auto& [peer, progress] : peers_) safe = std::min(safe, progress.match);
  return std::max({safe, safe_floor_, log_.floor().seq});
}

void Core::commit_to(Seq seq) {
  if (seq <= commit_) return;
  KV_CHECK(seq <= log_.last().seq);
  if (role_ == Role::kLeader) {
    for (Seq done = std::max(commit_ + 1, noop_seq_); done <= seq; ++done) {
      const std::uint64_t bytes = log_.size_in_tail(done) + kEntryOverhead;
      KV_CHECK(bytes <= uncommitted_bytes_);
      uncommitted_bytes_ -= bytes;
    }
  }
  commit_ = seq;
  moved_ = now_;
  configs_.commit_to(seq);
  log_.release(std::min(durable_, commit_));
  // Rule M5: a leader that is no member any more led until this was committed.
  const bool is_removed = !configs_.latest().is_voter(id_) && configs_.latest_seq() <= commit_;
  if (role_ == Role::kLeader && is_removed) become_follower(hard_.term, kNoNode);
}

}  // namespace kv::raft
