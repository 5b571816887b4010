// A follower below the leader's floor gets the state instead of records (thesis 5; 3.10 of the
// protocol: it replaces, and never adds to, what the follower has).

#include <algorithm>

#include "base/check.h"
#include "raft/core.h"
#include "raft/planted.h"

namespace kv::raft {

// Rule R3: a record that has the snapshot's term and number and is not its last one. An install
// would hide it.
bool Core::differs(const Point& point) const {
  if (point.seq < log_.floor().seq || point.seq > log_.last().seq) return false;
  const Point ours = log_.point_at(point.seq);
  return ours.term == point.term && ours != point;
}

// Our driver has the whole state, verified and durable but not in use; whether it replaces ours is
// decided here. A log that has the snapshot's last record has everything before it as well, and
// what comes behind it stays.
void Core::on(const Message& message, const Snapshot& snapshot) {
  if (!snapshot.config || !snapshot.config->is_well_formed()) return;
  if (snapshot.config->voters.empty() || snapshot.point.term > message.term) return;
  if (!note_leader(message)) return;
  heard_round_ = std::max(heard_round_, snapshot.round);
  const Point& point = snapshot.point;
  if (point.seq <= commit_) {
    matched_ = std::max(matched_, commit_);
  } else if (log_.has(point)) {
    matched_ = std::max(matched_, point.seq);
    commit_to(point.seq);
  } else if (differs(point)) {
    return quarantine({.peer = message.from, .ours = log_.point_at(point.seq), .theirs = point});
  } else {
    log_.replace(point);
    configs_.replace(point.seq, snapshot.config);
    durable_ = is_planted(Bug::kInstallAckedEarly) ? point.seq : 0;
    matched_ = commit_ = handed_commit_ = point.seq;
    install_ = Install{
        .point = point, .config = snapshot.config, .write = {.last = point, .epoch = log_.epoch()}};
  }
  reply_append(message.from, snapshot.round, std::nullopt);
}

// Whether the peer has it now, or needs another, a probe finds out: now, and with each heartbeat
// until the peer answers.
void Core::snapshot_ended(NodeId peer, Round round) {
  const auto found = peers_.find(peer);
  if (found == peers_.end()) return;
  Progress& progress = found->second;
  if (progress.state != Progress::State::kSnapshot || progress.reset_round != round) return;
  probe_from_floor(progress);
  send_heartbeat(peer, progress);
}

// Only ever the answer to a peer that just told us that its log ends below our floor or differs
// there: whoever does not answer would get one in vain, again and again.
void Core::send_snapshot(NodeId peer, Progress& progress) {
  const Point floor = log_.floor();
  progress.become_snapshot(floor, rounds_.begin(now_));
  send(peer, Snapshot{.point = floor, .round = rounds_.current()});
}

}  // namespace kv::raft
