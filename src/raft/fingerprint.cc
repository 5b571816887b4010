// Everything that decides what a core does next, in 64 bits: two cores with the same fingerprint
// and the same log go the same way.

#include "raft/core.h"
#include "raft/digest.h"

namespace kv::raft {

namespace {

void fold(Digest& digest, const Progress& progress) {
  digest.add(progress.state).add(progress.match).add(progress.next).add(progress.told_commit);
  digest.add(progress.echoed).add(progress.reset_round).add(progress.damage_round);
  digest.add(progress.match_round).add(progress.is_suspect);
  digest.add(progress.snapshot).add(progress.catch_up.short_rounds());
  digest.add(progress.catch_up.mark());
  for (const Progress::Inflight& sent : progress.inflight()) digest.add(sent.last).add(sent.bytes);
}

void fold_times(Digest& digest, const Progress& progress) {
  digest.add(progress.heard.value_or(Instant())).add(progress.spoke.value_or(Instant()));
  digest.add(progress.pace.earned().value_or(Instant())).add(progress.pace.credit());
}

void fold(Digest& digest, const LogView& log) {
  digest.add(log.floor()).add(log.last()).add(log.epoch()).add(log.has_news());
  digest.add(log.handed()).add(log.truncated_from().value_or(0));
  for (const Entry& entry : log.tail()) digest.add(entry);
}

}  // namespace

std::uint64_t Core::fingerprint(Timers timers) const {
  Digest digest;
  if (timers == Timers::kCounted) {
    digest.add(random_.state()).add(now_).add(boot_);
    digest.add(election_begun_).add(election_timeout_us_).add(promised_.value_or(Instant()));
    digest.add(quorum_contact_).add(lease_begun_.value_or(Instant())).add(heartbeat_sent_);
    digest.add(hint_handed_).add(asked_).add(moved_);
    digest.add(disk_watch_.stalled_us(now_));
    for (const auto& [peer, progress] : peers_) fold_times(digest.add(peer), progress);
    for (const auto& [nonce, read] : forwarded_) digest.add(nonce).add(read.id);
  }
  digest.add(id_).add(hard_.term).add(hard_.voted_for).add(hard_.claimed_last);
  digest.add(hard_.commit_hint).add(hard_.commit_hint_term);
  digest.add(hard_.version - saved_version_).add(hard_.version - handed_version_);
  digest.add(hard_.version - vote_version_);
  fold(digest, log_);
  for (const ConfigAt& config : configs_.all()) digest.add(config.seq).add(*config.config);
  if (install_) digest.add(install_->point);
  digest.add(role_).add(leader_).add(commit_).add(applied_).add(handed_commit_);
  digest.add(durable_).add(matched_).add(heard_round_).add(is_quarantined());
  for (const auto& [voter, is_granted] : votes_) digest.add(voter).add(is_granted);
  digest.add(campaign_token_).add(is_gate_open_).add(waits_at_gate_);
  if (role_ == Role::kLeader) {
    for (const auto& [peer, progress] : peers_) fold(digest.add(peer), progress);
    digest.add(rounds_.current()).add(quorum_round_).add(is_lease_void_);
    digest.add(noop_seq_).add(promised_seq_).add(uncommitted_bytes_);
    digest.add(transfer_ ? transfer_->target : kNoNode).add(transfer_ && transfer_->is_told);
  }
  for (const WaitingRead& read : reads_.reads()) {
    digest.add(read.from).add(read.id).add(read.seq).add(read.round);
  }
  for (const Message& message : outbox_.ready()) digest.add(message);
  for (const Outbox::Held& held : outbox_.waiting()) {
    digest.add(hard_.version - held.version).add(held.message);
  }
  for (const ReadResult& result : read_results_) {
    digest.add(result.id).add(result.seq.has_value()).add(result.seq.value_or(0));
  }
  digest.add(alarm_.has_value());
  return digest.value();
}

}  // namespace kv::raft
