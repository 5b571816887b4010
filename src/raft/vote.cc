// Votes: who gets ours, and what becomes of those we asked for (thesis 3.4, 3.6.1, 9.6; rules E1,
// E2, E4).

#include <algorithm>

#include "base/check.h"
#include "raft/core.h"
#include "raft/planted.h"

namespace kv::raft {

// Rule E2: of a damaged node's log the end counts that it once had.
Position Core::position_to_beat() const {
  if (is_planted(Bug::kClaimIgnored)) return log_.last().position();
  return std::max(hard_.claimed_last, log_.last().position());
}

bool Core::is_up_to_date(const Position& last) const { return last >= position_to_beat(); }

// Rule E4, stickiness (thesis 4.2.3, 6.4.1): who heard a leader within the minimum election timeout
// helps nobody else. A leader has heard itself; check-quorum ends that when it is cut off.
bool Core::is_bound() const {
  if (role_ == Role::kLeader || is_silent()) return true;
  if (is_planted(Bug::kNoStickiness)) return false;
  return promised_ && shortest_us(*promised_, now_) < configs_.latest().election_us;
}

// A vote request does not even raise the term of a voter that is bound: otherwise whoever cannot
// hear the leader would depose it. Unless the leader of our own term sent the candidate.
bool Core::admits_higher_term(const Message& message) const {
  const auto* request = std::get_if<VoteRequest>(&message.body);
  if (request == nullptr) return true;
  if (is_silent()) return false;
  const bool is_sent_by_leader = request->transfer_token != 0 &&
                                 request->transfer_token == hard_.term &&
                                 message.term == hard_.term + 1;
  return is_sent_by_leader || !is_bound();
}

void Core::on(const Message& message, const PrevoteRequest& request) {
  const bool is_granted = message.term >= hard_.term && is_up_to_date(request.last) && !is_bound();
  send(message.from, PrevoteReply{.asked = message.term, .is_granted = is_granted});
}

// A refusal from a higher term came here by way of step(), which made us a follower.
void Core::on(const Message& message, const PrevoteReply& reply) {
  if (role_ != Role::kPreCandidate || reply.asked != hard_.term) return;
  count_vote(message.from, reply.is_granted);
}

// Of the present term: step() saw to that.
void Core::on(const Message& message, const VoteRequest& request) {
  const bool may_vote = hard_.voted_for == kNoNode || hard_.voted_for == message.from;
  // Who handed over gave up its lease, and with it every promise made to it.
  const bool is_freed = request.transfer_token != 0 && request.transfer_token + 1 == message.term;
  const bool is_granted =
      may_vote && !is_silent() && (is_freed || !is_bound()) && is_up_to_date(request.last);
  if (is_granted && hard_.voted_for == kNoNode) {
    become_follower(hard_.term, kNoNode);
    change_hard_state(hard_.term, message.from);
    reset_election_timer();
  }
  send(message.from, VoteReply{.is_granted = is_granted});
}

void Core::on(const Message& message, const VoteReply& reply) {
  if (role_ == Role::kCandidate) count_vote(message.from, reply.is_granted);
}

// Whoever leads or campaigns in an earlier term learns of ours: a leader steps down, and so a node
// whose term ran ahead does not stay outside (rule E4). It may lead our term by now: then what it
// asked as of an earlier one tells nothing of where its peers are, and round 0 says so.
void Core::answer_stale(const Message& message) {
  if (std::holds_alternative<Append>(message.body) ||
      std::holds_alternative<Snapshot>(message.body)) {
    send(message.from, AppendReply{});
  } else if (std::holds_alternative<VoteRequest>(message.body)) {
    send(message.from, VoteReply{.is_granted = false});
  }
}

}  // namespace kv::raft
