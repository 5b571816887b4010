// Where a replica's log begins, and what becomes of members whose logs end before that (3.9
// and 3.10 of the protocol).

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "engine/log_floor.h"
#include "node/replica.h"

namespace kv::node {

namespace {

// A member that was not heard for so long is away, and so many times the log is kept for it.
constexpr std::uint64_t kElectionsUntilAbsent = 5;
constexpr std::uint64_t kRetentionForAbsent = 2;

}  // namespace

// What every member has, and this one has applied, is nobody's log any more. Who gets the state at
// the floor needs what is behind it next.
void Replica::raise_floor(const raft::Instant& now) {
  if (sender_.is_busy()) return;
  const engine::SegmentTable& segments = parts_.store.segments();
  const raft::Seq safe = std::min(core_->safe_floor(), told_applied_);
  const std::uint64_t for_absent = kRetentionForAbsent * parts_.log_retention;
  const raft::Seq seq =
      std::max(engine::log_floor_candidate(segments, safe, parts_.log_retention),
               engine::log_floor_candidate(segments, floor_without_absent(now), for_absent));
  if (seq <= floor_.seq) return;
  const raft::Point point = point_at(seq);
  // Before the records go that tell who the members are.
  if (parts_.members.content().sequence < seq && !write_members()) return;
  const auto raised = parts_.store.raise_log_floor({point.term, point.seq, point.chain});
  if (!raised && raised.error().code == Errc::kNoSpace) return;  // again when there is room
  if (!raised) return fail(raised.error());
  floor_ = point;
  core_->compacted(seq);
}

// A leader does not keep ever more log for members that are away: they get files when they come
// back. The others merge up to there when they hear of it. 0: nobody is away, or this node does not
// lead.
raft::Seq Replica::floor_without_absent(const raft::Instant& now) {
  if (core_->role() != raft::Role::kLeader) return 0;
  if (led_term_ != core_->term()) {
    led_term_ = core_->term();
    led_since_ = now;
  }
  const std::uint64_t patience_us = kElectionsUntilAbsent * core_->config().election_us;
  raft::Seq safe = told_applied_;
  bool is_any_absent = false;
  for (const auto& [peer, progress] : core_->peers()) {
    const bool is_absent =
        raft::shortest_us(progress.spoke.value_or(led_since_), now) >= patience_us;
    is_any_absent = is_any_absent || is_absent;
    if (!is_absent) safe = std::min(safe, progress.match);
  }
  return is_any_absent ? safe : 0;
}

void Replica::receive(const peer::SnapshotFrame& frame, const raft::Instant& now) try {
  if (is_over() || comparison_.has_stopped() || frame.envelope().to != core_->id()) return;
  tick(now);
  process();
  if (is_over()) return;
  if (const auto* reply = std::get_if<peer::SnapshotReply>(&frame.body)) {
    sender_.receive(*reply, now);
    sender_.work(*core_, now);
  } else {
    core_->heard(frame.envelope().from, frame.envelope().term);
    receiver_.receive(frame, *core_, now);
  }
  process();
} catch (const UnreadableLog& log) {
  fail(log.error());
}

void Replica::receive(const peer::RecordFrame& frame, const raft::Instant& now) try {
  if (is_over() || comparison_.has_stopped() || frame.envelope().to != core_->id()) return;
  tick(now);
  process();
  if (is_over()) return;
  repair_.receive(frame, *core_, is_whole(), now);
} catch (const UnreadableLog& log) {
  fail(log.error());
}

// The core says whether the state is wanted. MEMBERS first, as the records that told who they are
// are not in it; a crash before the rest leaves a file that knows more than it needs to. Called by
// the receiver, from nothing of the core's.
Result<bool> Replica::take_base(const BaseReceiver::Arrived& state) try {
  const raft::Seq floor = state.segments.log_floor.sequence;
  if (is_over() || floor <= core_->commit()) return false;
  const format::MembersFile& members = state.members;
  if (auto noted =
          parts_.members.advance(members.config_sequence, members.sequence, members.membership);
      !noted) {
    if (noted.error().code != Errc::kNoSpace) fail(noted.error());
    return tl::unexpected(std::move(noted).error());
  }
  offered_ = &state.segments;
  core_->step(state.message);
  process();
  offered_ = nullptr;
  return replacement_.has_value();
} catch (const UnreadableLog& log) {
  fail(log.error());
  return tl::unexpected(log.error());
}

// Done by whoever opens the node again; nothing that the core says from here on is true before
// that.
bool Replica::replace(const raft::Ready& ready) {
  KV_CHECK(offered_ != nullptr);
  if (ready.hard_state) {
    if (auto written = parts_.hard_state.write(*ready.hard_state); !written) {
      fail(written.error());
      return false;
    }
  }
  pipeline().follow(not_leading());
  leading_ = 0;
  replacement_ = *offered_;
  return false;
}

}  // namespace kv::node
