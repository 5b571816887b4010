// Elections: timeouts, campaigns, roles (thesis 3.4, 9.6; rules E1, E3, E5).

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "raft/core.h"
#include "raft/planted.h"

namespace kv::raft {

// Nobody else has a say. Only a committed configuration proves it: in one that is merely appended
// we may be the only voter while the leader that removed itself still relies on our promise.
bool Core::is_alone() const {
  return configs_.latest().is_only_voter(id_) && configs_.latest_seq() <= commit_;
}

// Rule E5, boot silence: promises made before this process started are forgotten, so it behaves as
// if it had just made one. Who is alone promised nothing to anybody.
bool Core::is_silent() const {
  if (is_planted(Bug::kNoBootSilence)) return false;
  if (is_alone()) return false;
  return shortest_us(boot_, now_) < configs_.latest().boot_silence_us();
}

// A voter of the latest configuration campaigns; and one that this configuration removes, unless it
// is known to be committed: that may need this very node, if nobody else has the record (thesis
// 4.2.2). The one before it is committed for certain (rule M2), whatever we know of commits. A
// damaged node would offer a log with a hole (3.11), and one whose disk stands still could commit
// nothing (rule E8).
bool Core::may_campaign() const {
  if (is_quarantined() || is_damaged() || is_silent() || has_stalled_disk(now_)) return false;
  if (configs_.latest().is_voter(id_)) return true;
  return configs_.latest_seq() > commit_ && configs_.before_latest().is_voter(id_);
}

void Core::reset_election_timer() { draw_election_timer(configs_.latest().election_us); }

void Core::draw_election_timer(std::uint64_t least_us) {
  election_begun_ = now_;
  election_timeout_us_ = least_us + random_.below(least_us);
}

void Core::tick_follower() {
  const bool need_not_wait = is_alone() && !is_bound() && role_ != Role::kCandidate;
  if (!need_not_wait && shortest_us(election_begun_, now_) < election_timeout_us_) {
    const bool campaigns = role_ != Role::kFollower;
    if (campaigns && longest_us(asked_, now_) >= configs_.latest().heartbeat_us()) ask_for_votes();
    return;
  }
  reset_election_timer();
  leader_ = kNoNode;
  if (!is_gate_open_) return stop_at_gate();
  if (may_campaign()) start_prevote();
}

tl::expected<void, Refusal> Core::campaign() {
  if (is_quarantined() || is_damaged() || !configs_.latest().is_voter(id_)) {
    return tl::unexpected(Refusal::kInvalid);
  }
  if (role_ == Role::kLeader || is_bound() || !may_campaign()) {
    return tl::unexpected(Refusal::kNotReady);
  }
  if (role_ == Role::kCandidate) return {};
  reset_election_timer();
  start_prevote();
  return {};
}

// Pre-vote (thesis 9.6, rule E3): a node that could not win does not raise its term, and so cannot
// depose a leader that everybody else still hears.
void Core::start_prevote() {
  role_ = Role::kPreCandidate;
  leader_ = kNoNode;
  waits_at_gate_ = false;
  votes_.clear();
  ask_for_votes();
  count_vote(id_, true);
}

// All who did not say yes. Asked again as often as heartbeats go, as a question may be lost, and
// who is bound by a promise now may be free soon: neither is worth another election timeout.
void Core::ask_for_votes() {
  asked_ = now_;
  const Position last = log_.last().position();
  for (const NodeId voter : configs_.latest().voters) {
    const auto vote = votes_.find(voter);
    if (voter == id_ || (vote != votes_.end() && vote->second)) continue;
    if (role_ == Role::kPreCandidate) {
      send(voter, PrevoteRequest{.last = last});
    } else {
      send(voter, VoteRequest{.last = last, .transfer_token = campaign_token_});
    }
  }
}

void Core::start_election(Term transfer_token) {
  KV_CHECK(role_ != Role::kLeader);
  // Votes that were split are soon known to be: nobody has a leader to be patient with.
  draw_election_timer(configs_.latest().election_us / 2);
  change_hard_state(hard_.term + 1, id_);
  role_ = Role::kCandidate;
  leader_ = kNoNode;
  waits_at_gate_ = false;
  matched_ = 0;
  heard_round_ = 0;
  votes_.clear();
  campaign_token_ = transfer_token;
  ask_for_votes();
  // Its own vote counts once it is durable: see hard_state_done().
}

void Core::count_vote(NodeId voter, bool is_granted) {
  bool& is_yes = votes_[voter];
  is_yes = is_yes || is_granted;
  const Config& config = configs_.latest();
  const auto granted = std::ranges::count_if(config.voters, [&](NodeId node) {
    const auto vote = votes_.find(node);
    return vote != votes_.end() && vote->second;
  });
  if (static_cast<std::size_t>(granted) < config.majority()) return;
  if (role_ == Role::kPreCandidate) return start_election(0);
  KV_CHECK(role_ == Role::kCandidate);
  become_leader();
}

// Rule E1: the vote is forgotten only when the term rises. One who steps down within a term keeps
// it: forgetting it there elects two leaders.
void Core::become_follower(Term term, NodeId leader) {
  KV_CHECK(term >= hard_.term);
  const bool was_leader = role_ == Role::kLeader;
  if (term > hard_.term) {
    change_hard_state(term, kNoNode);
    matched_ = 0;
    heard_round_ = 0;
  } else if (is_planted(Bug::kVoteClearedInTerm)) {
    change_hard_state(term, kNoNode);
  }
  role_ = Role::kFollower;
  leader_ = leader;
  waits_at_gate_ = false;
  votes_.clear();
  if (was_leader) {
    refuse_reads();
    peers_.clear();
    transfer_.reset();
    lease_begun_.reset();
    reset_election_timer();
  }
}

// Thesis 3.4, 3.5, 6.4; rule E7: a NOOP of its own term comes first, and before that is committed
// and applied the leader does not know what is committed.
void Core::become_leader() {
  KV_CHECK(role_ == Role::kCandidate);
  role_ = Role::kLeader;
  leader_ = id_;
  votes_.clear();
  peers_.clear();
  rounds_ = Rounds(now_);
  quorum_round_ = 0;
  quorum_contact_ = now_;
  lease_begun_.reset();
  is_lease_void_ = false;
  transfer_.reset();
  uncommitted_bytes_ = 0;
  sync_peers();
  promised_seq_ = 0;
  moved_ = now_;
  noop_seq_ = append_own(Entry{.kind = EntryKind::kNoop}).seq;
  begin_round();
}

}  // namespace kv::raft
