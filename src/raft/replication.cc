// A leader brings its log to its peers (thesis 3.5, 10.2.1; rules R1, R6, R8).

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "raft/core.h"

namespace kv::raft {

tl::expected<Point, Refusal> Core::propose(const Payload& payload) {
  if (role_ != Role::kLeader) return tl::unexpected(Refusal::kNotLeader);
  if (!serves()) return tl::unexpected(Refusal::kNotReady);
  if (transfer_) return tl::unexpected(Refusal::kTransferring);
  // Rule R8. One that is larger than the bound goes alone.
  const std::uint64_t bytes = payload.size + kEntryOverhead;
  if (uncommitted_bytes_ > 0 && uncommitted_bytes_ + bytes > settings_.uncommitted_bytes_max) {
    return tl::unexpected(Refusal::kBusy);
  }
  return append_own(Entry{.size = payload.size, .digest = payload.digest});
}

// Leader Append-Only (thesis figure 3.2): a leader only ever adds to the end.
Point Core::append_own(Entry entry) {
  KV_CHECK(role_ == Role::kLeader);
  entry.term = hard_.term;
  entry.seq = log_.last().seq + 1;
  entry.chain = log_.extend_chain(entry);
  uncommitted_bytes_ += entry.size + kEntryOverhead;
  grown_bytes_ += entry.size + kEntryOverhead;
  if (entry.config) {
    configs_.append(entry.seq, entry.config);
    sync_peers();
  }
  if (log_.last().seq == commit_) moved_ = now_;
  const Point point = entry.point();
  log_.append(std::move(entry));
  return point;
}

// Everything a leader sends is sent here, so that what came in since the last time goes together.
void Core::ship() {
  if (role_ != Role::kLeader) return;
  if (reads_.wants_round()) begin_round();
  for (auto& [peer, progress] : peers_) {
    const bool is_sent = replicate(peer, progress);
    // An idle follower would learn of the commit with the next heartbeat only.
    const bool is_idle = progress.state == Progress::State::kReplicate &&
                         progress.inflight_messages() == 0 && progress.match >= commit_;
    if (!is_sent && is_idle && progress.told_commit < commit_) send_heartbeat(peer, progress);
  }
}

// A heartbeat for everybody, and at the same time the proof that waiting reads and the lease need.
void Core::begin_round() {
  const Round round = rounds_.begin(now_);
  heartbeat_sent_ = now_;
  reads_.begin(round);
  for (auto& [peer, progress] : peers_) {
    if (!replicate(peer, progress)) send_heartbeat(peer, progress);
  }
  note_quorum();
}

// What stood before the floor we can neither send nor ask for; at the floor we can ask.
void Core::probe_from_floor(Progress& progress) {
  progress.become_probe(std::max(progress.match, log_.floor().seq) + 1, rounds_.begin(now_));
}

// An append without records. It claims what the peer should have by now, so that a lost append is
// noticed; to a peer that is being probed it is the probe.
void Core::send_heartbeat(NodeId peer, Progress& progress) {
  if (progress.state == Progress::State::kSnapshot) {
    return send_append(peer, progress, progress.snapshot, progress.snapshot.seq);
  }
  if (progress.next <= log_.floor().seq) probe_from_floor(progress);
  const Seq prev = progress.next - 1;
  send_append(peer, progress, log_.point_at(prev), prev);
}

// As much as the bounds allow; R1: at the same time as our own disk. True: something was sent.
bool Core::replicate(NodeId peer, Progress& progress) {
  bool is_sent = false;
  while (progress.state == Progress::State::kReplicate && progress.next <= log_.last().seq) {
    if (progress.next <= log_.floor().seq) {
      probe_from_floor(progress);
      send_heartbeat(peer, progress);
      return true;
    }
    if (progress.inflight_messages() >= settings_.inflight_messages_max ||
        progress.inflight_bytes() >= settings_.inflight_bytes_max) {
      break;
    }
    const bool is_paced = settings_.catch_up_rate != kNoBound && is_late(peer, progress);
    if (is_paced && !progress.pace.may_send(now_, grown_bytes_, settings_.catch_up_rate)) break;
    const Extent extent =
        log_.extent(progress.next, settings_.append_records_max, settings_.append_bytes_max);
    send_append(peer, progress, log_.point_at(progress.next - 1), extent.last);
    if (is_paced) {
      const std::uint64_t records = extent.last - progress.next + 1;
      progress.pace.spend(extent.bytes + records * kEntryOverhead);
    }
    progress.note_sent(extent.last, extent.bytes);
    is_sent = true;
  }
  return is_sent;
}

// What it lacks is committed already, and what is proposed now will be without it: nobody waits. A
// majority may answer and yet commit nothing, as one of it has a full disk; then this peer counts.
bool Core::is_late(NodeId peer, const Progress& progress) const {
  if (progress.next > commit_ || (transfer_ && transfer_->target == peer)) return false;
  constexpr std::uint64_t kPatience = 2;  // a part of an election timeout
  const bool is_stuck = log_.last().seq > commit_ &&
                        longest_us(moved_, now_) >= configs_.latest().election_us / kPatience;
  if (is_stuck) return false;
  return reached_without(peer) >= commit_;
}

void Core::send_append(NodeId peer, Progress& progress, const Point& prev, Seq last) {
  progress.told_commit = commit_;
  send(peer, Append{.prev = prev,
                    .last = last,
                    .commit = commit_,
                    .round = rounds_.current(),
                    .safe = safe_floor()});
}

void Core::on(const Message& message, const AppendReply& reply) {
  const auto found = peers_.find(message.from);
  if (role_ != Role::kLeader || found == peers_.end()) return;
  const Seq last = log_.last().seq;
  if (reply.durable > last || reply.matched > last || reply.round > rounds_.current()) return;
  if (reply.conflict && reply.conflict->prev > last) return;
  Progress& progress = found->second;
  progress.spoke = now_;
  // It told us its term, and nothing of our log: see answer_stale() and heard_part().
  if (reply.round == 0) return;
  // Of what comes twice or late the second says nothing new.
  bool is_news = reply.round > progress.echoed;
  if (is_news) progress.heard = now_;
  progress.applied = std::max(progress.applied, reply.applied);
  progress.echoed = std::max(progress.echoed, reply.round);
  if (reply.conflict) {
    on_conflict(message.from, progress, reply);
  } else if (reply.round >= progress.damage_round) {
    const bool is_durable_news = progress.note_durable(reply.durable);
    is_news = is_news || is_durable_news;
    if (is_durable_news) progress.match_round = rounds_.current();
    const bool is_current = reply.round >= progress.reset_round;
    const bool has_snapshot = progress.state == Progress::State::kSnapshot &&
                              std::max(reply.matched, progress.match) >= progress.snapshot.seq;
    if (is_current && (progress.state == Progress::State::kProbe || has_snapshot)) {
      progress.become_replicate(reply.matched, rounds_.begin(now_));
      count_undurable(progress);
    }
    if (is_durable_news) maybe_commit();
  }
  // The commit may have ended our leadership (rule M5).
  if (role_ != Role::kLeader) return;
  if (is_news) progress.catch_up.update(progress.match, last, now_);
  note_quorum();
  continue_transfer();
}

// What the peer has in memory and not on its disk counts as on its way, as it did when it was sent:
// or a peer with a slow disk and a lossy link would get more with each time we go back.
void Core::count_undurable(Progress& progress) {
  const Seq first = std::max(progress.match, log_.floor().seq) + 1;
  const Seq last = progress.next - 1;
  if (first > last) return;
  const Extent extent = log_.extent(first, last - first + 1, settings_.inflight_bytes_max);
  progress.note_sent(last, extent.last < last ? settings_.inflight_bytes_max : extent.bytes);
}

// The peer's log ends earlier or differs: go back, by whole terms (thesis 3.5). Rule R6: a
// rejection of something sent before the last time we went back says nothing new.
void Core::on_conflict(NodeId peer, Progress& progress, const AppendReply& reply) {
  const Conflict& conflict = *reply.conflict;
  if (reply.round < progress.reset_round || progress.state == Progress::State::kSnapshot) return;
  bool has_lost = conflict.is_damaged && conflict.last < progress.match;
  if (!has_lost && conflict.prev <= progress.match) {
    // Mostly the answers came in another order than they were given.
    if (reply.round <= progress.match_round) return;
    suspect(peer, progress, conflict);
    if (conflict.term != 0) return;  // it has another record there
    has_lost = conflict.last < progress.match;
  }
  if (has_lost) {
    // 3.11: what it acknowledged is gone. What is committed stays so; it will get it once more.
    progress.match = conflict.last;
    progress.match_round = rounds_.current();
  }
  const Seq next = std::clamp(next_after(conflict), progress.match + 1,
                              std::max(conflict.prev, progress.match + 1));
  if (next <= log_.floor().seq) {
    send_snapshot(peer, progress);
  } else {
    progress.become_probe(next, rounds_.begin(now_));
    send_heartbeat(peer, progress);
  }
  if (has_lost) progress.damage_round = progress.reset_round;
}

// It rejects what it acknowledged, and does not know of damage: its disk lost records without a
// trace, as the end of a log may, and there may be votes that it gave by a log that it does not
// have. A log that is merely too short is filled again.
void Core::suspect(NodeId peer, Progress& progress, const Conflict& conflict) {
  if (progress.is_suspect) return;
  progress.is_suspect = true;
  const Seq seq = std::max(conflict.prev, log_.floor().seq);
  alarm_ = Alarm{.kind = Alarm::Kind::kPeerForgot,
                 .peer = peer,
                 .ours = log_.point_at(seq),
                 .theirs = {.term = conflict.term, .seq = conflict.last}};
}

// Rule A3: nothing that is committed loses its majority by it, and the cluster goes on.
tl::expected<void, Refusal> Core::can_release(NodeId peer) const {
  if (role_ != Role::kLeader) return tl::unexpected(Refusal::kNotLeader);
  if (!peers_.contains(peer) || (transfer_ && transfer_->target == peer)) {
    return tl::unexpected(Refusal::kInvalid);
  }
  if (reached_without(peer) < commit_) return tl::unexpected(Refusal::kNotReady);
  return {};
}

// What a majority of the voters has on disk that are there, as if `peer` were not.
Seq Core::reached_without(NodeId peer) const {
  const Config& config = configs_.latest();
  return reached_by_majority(config, [&](NodeId node) -> Seq {
    if (node == id_) return durable_;
    const auto other = peers_.find(node);
    const bool is_there = node != peer && other != peers_.end() && other->second.heard &&
                          longest_us(*other->second.heard, now_) < config.election_us;
    return is_there ? other->second.match : 0;
  });
}

// What it said of its disk before it heard of this is stale.
tl::expected<void, Refusal> Core::release(NodeId peer) {
  if (auto can = can_release(peer); !can) return can;
  Progress& progress = peers_.at(peer);
  progress.match = 0;
  progress.become_probe(progress.next, rounds_.begin(now_));
  progress.damage_round = progress.match_round = progress.reset_round;
  return {};
}

Seq Core::next_after(const Conflict& conflict) const {
  if (conflict.term == 0) return conflict.last + 1;
  Seq seq = std::min(conflict.prev, log_.last().seq);
  if (seq < log_.floor().seq) return conflict.first;
  while (seq > log_.floor().seq && log_.point_at(seq).term > conflict.term) {
    seq = log_.term_start(seq) - 1;
  }
  // Behind our last record of that term, if we have one: the logs may agree on some of them.
  return log_.point_at(seq).term == conflict.term ? seq + 1 : conflict.first;
}

}  // namespace kv::raft
