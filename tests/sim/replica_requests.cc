// What clients and operators ask of a replica, and what the oracle is told about it.

#include <algorithm>

#include <fmt/format.h>

#include "base/check.h"
#include "sim/replica.h"

namespace kv::sim {

using raft::Seq;

namespace {

std::uint64_t number(raft::NodeId node) { return static_cast<std::uint64_t>(node); }

}  // namespace

void Replica::write(std::uint64_t value) {
  run([this, value] {
    const auto point = core_->propose({.size = 50 + value % 200, .digest = value});
    if (point) writes_[point->seq] = *point;
  });
}

void Replica::read() {
  run([this] {
    const raft::ReadId id = next_read_;
    if (!core_->read_index(id)) return;
    next_read_ += 1;
    reads_[id] = Read{.at_least = world_.oracle.visible()};
  });
}

void Replica::lease_read() {
  run([this] {
    const auto seq = core_->lease_read(clock_.read(world_.events.now()));
    if (!seq) return;
    // Far from the ids of other reads.
    const raft::ReadId id = (std::uint64_t{1} << 40) + next_read_++;
    reads_[id] = Read{.at_least = world_.oracle.visible(), .seq = seq, .has_lease = true};
  });
}

void Replica::transfer(raft::NodeId target) {
  run([this, target] {
    const auto done = core_->transfer(target);
    world_.trace.say(world_.events.now(), [&] {
      return fmt::format("node {} transfers to {}: {}", number(id_), number(target),
                         done ? "begun" : name_of(done.error()));
    });
  });
}

void Replica::change_config(const raft::ConfigChange& change) {
  run([this, change] {
    const auto done = core_->change_config(change);
    world_.trace.say(world_.events.now(), [&] {
      return fmt::format("node {} changes members ({} {}): {}", number(id_),
                         static_cast<int>(change.kind), number(change.node),
                         done ? "begun" : name_of(done.error()));
    });
  });
}

void Replica::compact() {
  run([this] {
    const Seq floor = log_.floor().seq;
    const Seq end = std::min(applied_, core_->durable());
    if (end <= floor) return;
    const Seq seq = floor + 1 + random_.below(end - floor);
    core_->compacted(seq);
    log_.compact(seq);
  });
}

void Replica::moment(Moment moment) {
  if (world_.on_moment) world_.on_moment(moment, *this);
}

bool Replica::holds_lease() const {
  return is_up() && core_->holds_lease(clock_.read(world_.events.now()));
}

bool Replica::vouches_for(const raft::Point& point) const {
  return log_.synced().floor.seq >= point.seq || log_.synced().has(point) ||
         stable_.claimed_last >= point.position();
}

void Replica::set_disk(const DiskOptions& options) {
  log_disk_.set_options(options);
  state_disk_.set_options(options);
}

void Replica::watch(const raft::Message& message) {
  if (std::holds_alternative<raft::VoteRequest>(message.body)) {
    world_.oracle.voted(id_, message.term, id_);
    if (core_->is_damaged()) world_.oracle.fail("a node that lost records campaigns");
  } else if (const auto* reply = std::get_if<raft::VoteReply>(&message.body)) {
    if (!reply->is_granted) return;
    world_.oracle.voted(id_, message.term, message.to);
    moment(Moment::kVoted);
  } else if (const auto* appended = std::get_if<raft::AppendReply>(&message.body)) {
    world_.oracle.acknowledged(id_, log_, appended->durable);
  }
}

// Once the log has what the Ready adds, and before anybody else hears of it.
void Replica::observe(const raft::Ready& ready) {
  Oracle& oracle = world_.oracle;
  if (ready.truncate_from) {
    oracle.truncated(id_, core_->role(), *ready.truncate_from);
    moment(Moment::kOverridden);
  }
  for (const raft::Entry& entry : ready.append) {
    oracle.appended(id_, entry);
    if (entry.config) moment(Moment::kMembersChanged);
  }
  for (const raft::Message& message : ready.messages) watch(message);
  if (ready.alarm) {
    oracle.fail(fmt::format("node {} raises an alarm against {}: {}", number(id_),
                            number(ready.alarm->peer), name_of(ready.alarm->kind)));
  }
  if (core_->role() == raft::Role::kPreCandidate && !is_gate_open_ && !is_paused_) {
    oracle.fail(fmt::format("node {} campaigns, and may not", number(id_)));
  }
  if (core_->term() < seen_term_ || core_->commit() < seen_commit_) {
    oracle.fail(fmt::format("node {} goes back: term {} to {}, commit {} to {}", number(id_),
                            seen_term_, core_->term(), seen_commit_, core_->commit()));
  }
  const LogImage& log = log_.written();
  if (ready.role && ready.role->role == raft::Role::kLeader) {
    world_.trace.say(world_.events.now(), [&] {
      return fmt::format("node {} leads term {}", number(id_), core_->term());
    });
    oracle.elected(id_, core_->term(), log);
    moment(Moment::kElected);
  }
  const Seq first = std::max(seen_commit_, log.floor.seq) + 1;
  if (first <= core_->commit()) oracle.committed(*core_, log, first, core_->commit());
  seen_term_ = core_->term();
  seen_commit_ = core_->commit();
  world_.trace.digest().add(id_).add(core_->term()).add(core_->role()).add(core_->commit());
  world_.trace.digest().add(core_->last());
}

}  // namespace kv::sim
