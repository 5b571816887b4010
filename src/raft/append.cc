// A follower takes records from its leader (thesis 3.5; rules L4, R3, R4, R6).

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "raft/core.h"
#include "raft/planted.h"

namespace kv::raft {

namespace {

bool is_usable(const Config& config) { return config.is_well_formed() && !config.voters.empty(); }

// Whether it could come from a correct leader of that term at all.
bool is_well_formed(const Append& append, Term term) {
  if (append.last < append.prev.seq || append.last - append.prev.seq != append.entries.size()) {
    return false;
  }
  if (append.prev.term > term) return false;
  Seq seq = append.prev.seq;
  Term newest = append.prev.term;
  for (const Entry& entry : append.entries) {
    if (entry.seq != ++seq || entry.term < newest || entry.term > term) return false;
    if ((entry.kind == EntryKind::kConfig) != (entry.config != nullptr)) return false;
    if (entry.config && !is_usable(*entry.config)) return false;
    newest = entry.term;
  }
  return true;
}

}  // namespace

// There is one leader in a term (thesis figure 3.2, Election Safety), and whoever it is, we follow
// it. Rule L4: from now on we help nobody else for the minimum election timeout. False: there is
// another one.
bool Core::note_leader(const Message& message) {
  if (leader_ != kNoNode && leader_ != message.from) {
    quarantine({.kind = Alarm::Kind::kTwoLeaders,
                .peer = message.from,
                .ours = log_.last(),
                .theirs = {.term = message.term}});
    return false;
  }
  KV_CHECK(role_ != Role::kLeader);
  if (role_ != Role::kFollower || leader_ != message.from) {
    become_follower(hard_.term, message.from);
  }
  promised_ = now_;
  reset_election_timer();
  return true;
}

bool Core::follows(NodeId leader, Term term) const {
  return role_ == Role::kFollower && leader_ == leader && leader != kNoNode && hard_.term == term;
}

void Core::heard(NodeId leader, Term term) {
  if (!follows(leader, term)) return;
  promised_ = now_;
  reset_election_timer();
}

// No round is echoed: which one the leader has begun by now nobody here knows, and no read or lease
// may rest on it.
void Core::heard_part(NodeId leader, Term term) {
  if (!follows(leader, term)) return;
  heard(leader, term);
  send(leader, AppendReply{});
}

void Core::on(const Message& message, const Append& append) {
  if (!is_well_formed(append, message.term)) return;
  if (!note_leader(message)) return;
  heard_round_ = std::max(heard_round_, append.round);
  safe_floor_ = std::max(safe_floor_, append.safe);
  const auto conflict = find_conflict(append);
  if (is_quarantined()) return;
  if (!conflict) {
    take_entries(append);
    if (is_quarantined()) return;
    // Never below what is committed: below the floor every log is the same.
    matched_ = std::max(matched_, append.last);
    const Seq known = is_planted(Bug::kCommitUnbounded) ? log_.last().seq : matched_;
    commit_to(std::min(append.commit, known));
  }
  reply_append(message.from, append.round, conflict);
}

// The consistency check, rule R3: equal (term, seq, chain) behind which the records go proves the
// whole log before them equal.
std::optional<Conflict> Core::find_conflict(const Append& append) {
  const Point& prev = append.prev;
  const Point last = log_.last();
  if (prev.seq < log_.floor().seq) return std::nullopt;
  Conflict conflict{.prev = prev.seq, .last = last.seq, .is_damaged = is_damaged()};
  if (prev.seq > last.seq) return conflict;
  if (is_planted(Bug::kSequenceOnlyResume)) return std::nullopt;
  const Point ours = log_.point_at(prev.seq);
  if (ours == prev) return std::nullopt;
  if (ours.term == prev.term) {
    quarantine({.peer = leader_, .ours = ours, .theirs = prev});
    return std::nullopt;
  }
  conflict.term = ours.term;
  conflict.first = log_.term_start(prev.seq);
  return conflict;
}

void Core::take_entries(const Append& append) {
  for (const Entry& entry : append.entries) {
    if (is_quarantined()) return;
    take_entry(entry, leader_);
  }
}

void Core::take_entry(const Entry& entry, NodeId from) {
  if (entry.seq < log_.floor().seq) return;
  if (entry.seq <= log_.last().seq) {
    const Point ours = log_.point_at(entry.seq);
    if (ours.term == entry.term) {
      if (ours != entry.point() && !is_planted(Bug::kSequenceOnlyResume)) {
        quarantine({.peer = from, .ours = ours, .theirs = entry.point()});
      }
      return;
    }
    // Rule R4. That a committed record is never overridden is what Raft is for.
    if (entry.seq <= commit_) {
      return quarantine({.kind = Alarm::Kind::kCommitOverridden,
                         .peer = from,
                         .ours = ours,
                         .theirs = entry.point()});
    }
    log_.truncate_from(entry.seq);
    durable_ = std::min(durable_, entry.seq - 1);
    if (!is_planted(Bug::kConfigKept)) configs_.truncate_from(entry.seq);  // rule M3
  }
  log_.append(entry);
  if (entry.config) configs_.append(entry.seq, entry.config);
}

// Two acknowledgements: that we heard the round may be told at once, what is durable as it is now;
// disk_done() tells the rest.
void Core::reply_append(NodeId to, Round round, std::optional<Conflict> conflict) {
  const Seq durable = is_planted(Bug::kAckBeforeSync) ? matched_ : std::min(durable_, matched_);
  send(to, AppendReply{.round = round,
                       .matched = matched_,
                       .durable = durable,
                       .applied = applied_,
                       .conflict = conflict});
}

// One of two logs is damaged or somebody has a bug. Never overwritten silently, nor forgotten when
// the process starts anew; a person has to look.
void Core::quarantine(const Alarm& alarm) {
  alarm_ = alarm;
  hard_.is_quarantined = true;
  hard_.version += 1;
  become_follower(hard_.term, kNoNode);
}

}  // namespace kv::raft
