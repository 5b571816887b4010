#include "raft/core.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "raft/planted.h"

namespace kv::raft {

Core::Core(const Boot& boot, const Log& log, const Settings& settings, const Instant& now)
    : id_(boot.id),
      settings_(settings),
      random_(boot.seed),
      now_(now),
      boot_(now),
      hard_(boot.hard_state),
      hint_handed_(now),
      log_(log),
      configs_(boot.configs),
      election_begun_(now),
      rounds_(now),
      quorum_contact_(now),
      heartbeat_sent_(now),
      next_nonce_(random_.below(UINT64_MAX) + 1),
      outbox_(settings.reads_max) {
  KV_CHECK(id_ != kNoNode);
  KV_CHECK(is_valid(settings));
  for (const ConfigAt& config : boot.configs) KV_CHECK(config.config->is_well_formed());
  const Point last = log_.last();
  KV_CHECK(boot.applied >= log_.floor().seq && boot.applied <= last.seq);
  durable_ = last.seq;
  commit_ = std::max({std::min(hard_.commit_hint, last.seq), log_.floor().seq, boot.applied});
  KV_CHECK(configs_.first().seq <= commit_);
  applied_ = handed_commit_ = boot.applied;
  configs_.commit_to(commit_);
  hard_.version = 0;
  // The log may be ahead of the hard state, as nothing that needs the latter was sent yet: then no
  // vote was given in the log's term.
  if (last.term > hard_.term) change_hard_state(last.term, kNoNode);
  claim_committed();
  told_role_.term = hard_.term;
  note_durable_position();
  reset_election_timer();
}

Core::Core(const Core& other, const Log& log)
    : id_(other.id_),
      settings_(other.settings_),
      random_(other.random_),
      now_(other.now_),
      boot_(other.boot_),
      hard_(other.hard_),
      saved_version_(other.saved_version_),
      handed_version_(other.handed_version_),
      vote_version_(other.vote_version_),
      hint_handed_(other.hint_handed_),
      log_(other.log_, log),
      configs_(other.configs_),
      install_(other.install_),
      writes_(other.writes_),
      disk_watch_(other.disk_watch_),
      role_(other.role_),
      leader_(other.leader_),
      commit_(other.commit_),
      safe_floor_(other.safe_floor_),
      applied_(other.applied_),
      handed_commit_(other.handed_commit_),
      durable_(other.durable_),
      matched_(other.matched_),
      heard_round_(other.heard_round_),
      election_begun_(other.election_begun_),
      election_timeout_us_(other.election_timeout_us_),
      promised_(other.promised_),
      votes_(other.votes_),
      asked_(other.asked_),
      campaign_token_(other.campaign_token_),
      is_gate_open_(other.is_gate_open_),
      waits_at_gate_(other.waits_at_gate_),
      peers_(other.peers_),
      rounds_(other.rounds_),
      quorum_round_(other.quorum_round_),
      quorum_contact_(other.quorum_contact_),
      lease_begun_(other.lease_begun_),
      is_lease_void_(other.is_lease_void_),
      heartbeat_sent_(other.heartbeat_sent_),
      noop_seq_(other.noop_seq_),
      promised_seq_(other.promised_seq_),
      uncommitted_bytes_(other.uncommitted_bytes_),
      grown_bytes_(other.grown_bytes_),
      moved_(other.moved_),
      transfer_(other.transfer_),
      reads_(other.reads_),
      forwarded_(other.forwarded_),
      next_nonce_(other.next_nonce_),
      outbox_(other.outbox_),
      read_results_(other.read_results_),
      alarm_(other.alarm_),
      told_role_(other.told_role_) {}

void Core::tick(const Instant& now) {
  now_.boot_us = std::max(now_.boot_us, now.boot_us);
  now_.raw_us = std::max(now_.raw_us, now.raw_us);
  expire_forwarded();
  note_commit_hint();
  if (role_ == Role::kLeader) {
    tick_leader();
  } else {
    tick_follower();
  }
}

// The rules of terms (thesis 3.3): a higher one is adopted, a lower one is answered with ours.
// Pre-votes stand outside, as they ask about a term that nobody is in.
void Core::step(const Message& message) {
  if (message.to != id_ || message.from == id_ || message.from == kNoNode) return;
  if (is_quarantined()) return;
  if (const auto* request = std::get_if<PrevoteRequest>(&message.body)) {
    return on(message, *request);
  }
  if (message.term < hard_.term) {
    if (const auto* reply = std::get_if<PrevoteReply>(&message.body)) return on(message, *reply);
    return answer_stale(message);
  }
  if (message.term > hard_.term) {
    if (!admits_higher_term(message)) return;
    become_follower(message.term, kNoNode);
  }
  std::visit([&](const auto& body) { on(message, body); }, message.body);
}

void Core::hard_state_done(std::uint64_t version) {
  KV_CHECK(version <= handed_version_);
  if (version <= saved_version_) return;
  saved_version_ = version;
  outbox_.saved(version, hard_.term);
  // A candidate's own vote counts like any other: once it is durable.
  if (role_ == Role::kCandidate && saved_version_ >= vote_version_) count_vote(id_, true);
}

// Rule R5: what is durable now is a log that may be gone. The epoch tells; term and chain are the
// other side of the same check.
void Core::disk_done(const LogWrite& write) {
  disk_watch_.done(write.number);
  if (is_planted(Bug::kStaleDiskCompletion)) {
    if (write.last.seq > log_.last().seq) return;
  } else {
    if (write.epoch != log_.epoch()) return;
    KV_CHECK(log_.has(write.last) || write.last.seq < log_.floor().seq);
  }
  durable_ = std::max(durable_, write.last.seq);
  log_.release(std::min(durable_, commit_));
  note_durable_position();
  if (role_ == Role::kLeader) return maybe_commit();
  if (leader_ != kNoNode && matched_ > 0) reply_append(leader_, heard_round_, std::nullopt);
}

void Core::applied(Seq seq) {
  KV_CHECK(seq <= commit_);
  applied_ = std::max(applied_, seq);
}

void Core::compacted(Seq seq) {
  // A driver that merges beside us may come too late: a snapshot took the place of all that, and
  // nothing of it need be durable yet.
  if (seq <= log_.floor().seq) return;
  KV_CHECK(seq <= applied_ && seq <= durable_);
  log_.compact(seq);
}

Ready Core::take_ready() {
  ship();
  Ready ready;
  if (handed_version_ < hard_.version) {
    if (const Seq known = durable_commit(); known > hard_.commit_hint) {
      hard_.commit_hint = known;
      hard_.commit_hint_term = log_.point_at(known).term;
    }
    ready.hard_state = hard_;
    if (is_planted(Bug::kVoteNotPersisted)) ready.hard_state->voted_for = kNoNode;
    handed_version_ = hard_.version;
    hint_handed_ = now_;
  }
  ready.install = std::exchange(install_, std::nullopt);
  log_.hand_over(ready);
  if (ready.install) watch(ready.install->write);
  if (ready.log_write) watch(*ready.log_write);
  ready.messages = outbox_.take();
  ready.apply_first = handed_commit_ + 1;
  ready.commit = commit_;
  handed_commit_ = commit_;
  ready.reads = std::exchange(read_results_, {});
  if (told_role_.role != role_ || told_role_.term != hard_.term || told_role_.leader != leader_) {
    told_role_ = {role_, hard_.term, leader_};
    ready.role = told_role_;
  }
  ready.alarm = std::exchange(alarm_, std::nullopt);
  return ready;
}

void Core::send(NodeId to, Body body) {
  KV_CHECK(to != id_ && to != kNoNode);
  const std::uint64_t version = is_planted(Bug::kSendsBeforeSaved) ? 0 : vote_version_;
  outbox_.send(Message{.from = id_, .to = to, .term = hard_.term, .body = std::move(body)}, version,
               saved_version_);
}

void Core::watch(LogWrite& write) {
  write.number = ++writes_;
  disk_watch_.begin(write.number, now_);
}

void Core::change_hard_state(Term term, NodeId voted_for) {
  KV_CHECK(term >= hard_.term);
  hard_.term = term;
  hard_.voted_for = voted_for;
  vote_version_ = hard_.version += 1;
}

// Rule 3.11: the end of a log that is damaged looks like one that was never written, but for what
// we know to be committed and on our disk. With the record's own term: under a later one, in which
// we may have voted and nobody has written anything, we would refuse our vote to everybody for
// ever, and nobody else may campaign in our stead.
void Core::claim_committed() {
  const Position lost{hard_.commit_hint_term, hard_.commit_hint};
  if (hard_.commit_hint <= log_.last().seq || lost <= hard_.claimed_last) return;
  hard_.claimed_last = lost;
  vote_version_ = hard_.version += 1;
}

// Rule 3.11: a damaged node is whole again once its disk has a record at least as new as the best
// that it lost.
void Core::note_durable_position() {
  if (hard_.claimed_last == Position{} || durable_ < log_.floor().seq) return;
  if (log_.point_at(durable_).position() < hard_.claimed_last) return;
  hard_.claimed_last = {};
  vote_version_ = hard_.version += 1;
}

// 0 while the disk has not yet what a snapshot put in place of its log.
Seq Core::durable_commit() const {
  const Seq known = std::min(commit_, durable_);
  return known < log_.floor().seq ? 0 : known;
}

// Rule R7: lazily, and never above what our disk has. take_ready() fills it in.
void Core::note_commit_hint() {
  if (durable_commit() <= hard_.commit_hint || handed_version_ < hard_.version) return;
  if (longest_us(hint_handed_, now_) >= settings_.commit_hint_us) hard_.version += 1;
}

}  // namespace kv::raft
