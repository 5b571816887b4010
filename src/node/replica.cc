#include "node/replica.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "peer/log_entry.h"

namespace kv::node {

namespace {

constexpr std::uint64_t kFloorIntervalUs = 1'000'000;
constexpr std::uint64_t kElectionsUntilUnknown = 3;

raft::Boot boot_of(const Self& self, const raft::HardState& state, const MembershipLog& members,
                   raft::Seq applied, std::uint64_t seed) {
  raft::Boot boot;
  boot.id = self.id;
  boot.hard_state = state;
  boot.configs = members.configs(self, applied);
  boot.applied = applied;
  boot.seed = seed;
  return boot;
}

}  // namespace

Replica::Replica(const Parts& parts, Self self, raft::Settings settings, std::uint64_t seed,
                 const raft::Instant& now)
    : parts_(parts),
      self_(self),
      now_(now),
      reader_(parts.store.segments()),
      sender_(parts.store, parts.listener, seed, settings.catch_up_rate),
      receiver_(parts.store, parts.listener,
                [this](const BaseReceiver::Arrived& state) { return take_base(state); }),
      repair_(parts.store, parts.listener),
      comparison_(parts.store, parts.listener, parts.compare_us, [this] { return can_serve(); }) {
  // The store refuses what would be too much before it has a place in the log.
  settings.uncommitted_bytes_max = UINT64_MAX;
  const format::LogFloor floor = parts.store.log_floor();
  floor_ = {floor.term, floor.sequence, floor.sequence == 0 ? format::kChainStart : floor.chain};
  agreed_ = pipeline().last_sequence();
  told_applied_ = pipeline().applied_sequence();
  read_memberships();
  try {
    make_core(settings, seed);
    pipeline().follow(not_leading());
    process();
  } catch (const UnreadableLog& log) {
    fail(log.error());
    if (!core_) make_core(settings, seed);
  }
}

void Replica::make_core(const raft::Settings& settings, std::uint64_t seed) {
  core_.emplace(boot_of(self_, parts_.hard_state.state(), *memberships_, told_applied_, seed),
                static_cast<const raft::Log&>(*this), settings, now_);
}

Result<void> Replica::claim(HardStateFile& file, const raft::Position& lost) {
  raft::HardState state = file.state();
  if (lost <= state.claimed_last) return {};
  state.claimed_last = lost;
  return file.write(state);
}

void Replica::tick(const raft::Instant& now) {
  now_ = now;
  if (core_->has_stalled_disk(now)) prepare_hand_over();  // which the core may begin by itself
  core_->tick(now);
}

void Replica::work(const raft::Instant& now) try {
  if (is_over()) return;
  comparison_.work(*core_, whole_from_, now);
  if (comparison_.has_stopped()) return;
  tick(now);
  process();
  if (is_over()) return;
  sender_.work(*core_, now);
  receiver_.work(*core_, now);
  repair_.work(*core_, is_whole(), now);
  process();
  promote_learners(now);
  compare_states(now);
  give_up_replies(now);
  const bool is_due =
      !looked_at_floor_ || raft::longest_us(*looked_at_floor_, now) >= kFloorIntervalUs;
  give_way(now, is_due);
  if (!is_over()) note_members(is_due);
  if (!is_due || is_over()) return;
  looked_at_floor_ = now;
  raise_floor(now);
} catch (const UnreadableLog& log) {
  fail(log.error());
}

void Replica::receive(const peer::Received& received, const raft::Instant& now) try {
  if (is_over() || comparison_.has_stopped()) return;
  tick(now);
  bool has_config = false;
  for (const peer::ReceivedRecord& record : received.records) {
    received_[record.header.sequence] = {record.header, record.body, received.payload};
    has_config = has_config || record.header.type == format::RecordType::kConfig;
  }
  // Nobody votes who is not, or not any more, a member under this disk's name: what an earlier disk
  // of the same number promised, it does not know.
  const bool is_election = std::holds_alternative<raft::PrevoteRequest>(received.message.body) ||
                           std::holds_alternative<raft::VoteRequest>(received.message.body);
  if (has_config) {
    core_->step(as_self_counts(received.message));
  } else if (!is_election || is_member()) {
    note_promises();
    core_->step(received.message);
  }
  process();
  received_.clear();
} catch (const UnreadableLog& log) {
  fail(log.error());
}

void Replica::receive_part(const peer::Envelope& envelope, const raft::Instant& now) try {
  if (is_over() || comparison_.has_stopped() || envelope.to != core_->id()) return;
  const std::uint64_t pause_us = core_->config().heartbeat_us();
  if (heard_part_ && raft::longest_us(*heard_part_, now) < pause_us) return;
  heard_part_ = now;
  tick(now);
  process();
  if (is_over()) return;
  core_->heard_part(envelope.from, envelope.term);
  process();
} catch (const UnreadableLog& log) {
  fail(log.error());
}

tl::expected<void, raft::Refusal> Replica::read_index(raft::ReadId id,
                                                      const raft::Instant& now) try {
  if (is_over() || comparison_.has_stopped()) return tl::unexpected(raft::Refusal::kNotLeader);
  tick(now);
  note_promises();
  auto asked = core_->read_index(id);
  process();
  return asked;
} catch (const UnreadableLog& log) {
  fail(log.error());
  return tl::unexpected(raft::Refusal::kNotLeader);
}

std::optional<raft::Seq> Replica::lease_read(const raft::Instant& now) try {
  if (is_over()) return std::nullopt;
  note_promises();
  return core_->lease_read(now);
} catch (const UnreadableLog& log) {
  fail(log.error());
  return std::nullopt;
}

// Writes that were acknowledged from this disk alone: whoever asks now may have heard of them.
void Replica::note_promises() {
  if (leading_ == 0 || pipeline().local_sequence() <= core_->commit()) return;
  propose_written();
  core_->promise(pipeline().local_sequence());
}

// Nothing is acknowledged from this disk alone any more, and what was is the core's: who takes over
// gets it before it is told to.
void Replica::prepare_hand_over() {
  if (leading_ == 0) return;
  parts_.listener.on_lease(std::nullopt, core_->commit());
  propose_written();
}

tl::expected<void, raft::Refusal> Replica::transfer(raft::NodeId target,
                                                    const raft::Instant& now) try {
  if (is_over()) return tl::unexpected(raft::Refusal::kNotLeader);
  tick(now);
  process();
  prepare_hand_over();
  auto begun = core_->transfer(target);
  // Who writes now hears that this node does not lead, so that the other one can come to the end.
  if (begun && leading_ != 0) stop_leading();
  process();
  return begun;
} catch (const UnreadableLog& log) {
  fail(log.error());
  return tl::unexpected(raft::Refusal::kNotLeader);
}

tl::expected<void, raft::Refusal> Replica::campaign(const raft::Instant& now) try {
  if (is_over() || comparison_.has_stopped()) return tl::unexpected(raft::Refusal::kNotReady);
  core_->tick(now);
  auto begun = core_->campaign();
  process();
  return begun;
} catch (const UnreadableLog& log) {
  fail(log.error());
  return tl::unexpected(raft::Refusal::kNotLeader);
}

raft::Seq Replica::applied() const { return pipeline().applied_sequence(); }

void Replica::process() {
  while (!is_over() && do_once()) {
  }
}

// Whether there may be more to do.
bool Replica::do_once() {
  if (leading_ != 0 && (core_->role() != raft::Role::kLeader || core_->term() != leading_)) {
    stop_leading();
  }
  propose_written();
  note_progress();
  raft::Ready ready = core_->take_ready();
  const bool is_idle = !ready.hard_state && !ready.truncate_from && ready.append.empty() &&
                       ready.messages.empty() && ready.apply_first > ready.commit &&
                       ready.reads.empty() && !ready.role && !ready.alarm;
  if (ready.install) return replace(ready);
  const raft::Seq rolled_back = std::min(ready.truncate_from.value_or(UINT64_MAX),
                                         ready.rolled_back_from.value_or(UINT64_MAX));
  if (!failure_ && rolled_back <= agreed_) roll_back(rolled_back);
  if (failure_) return false;
  append(ready);
  if (ready.log_write) writes_.push_back(*ready.log_write);
  if (ready.hard_state && !failure_) {
    if (auto written = parts_.hard_state.write(*ready.hard_state); !written) {
      fail(written.error());
    } else {
      core_->hard_state_done(ready.hard_state->version);
    }
  }
  if (failure_) return false;
  if (std::exchange(has_news_of_members_, false)) {
    if (leading_ == 0) pipeline().follow(not_leading());
    parts_.listener.on_members();
  }
  parts_.listener.on_lease(core_->lease_end(), core_->commit());
  for (const raft::Message& message : ready.messages) send(message);
  if (ready.apply_first <= ready.commit) pipeline().commit(ready.commit);
  tell(ready);
  return !is_idle;
}

// What the store's own writers wrote.
void Replica::propose_written() {
  if (leading_ == 0) return;
  // A full disk took it out again.
  if (change_ && pipeline().last_sequence() < change_->sequence) change_.reset();
  std::vector<engine::LogRecord> records;
  pipeline().take_written(records);
  for (const engine::LogRecord& record : records) {
    format::RecordHeader header;
    header.type = record.type;
    header.term = record.term;
    header.sequence = record.sequence;
    header.key_size = record.key_size;
    header.value_size = record.value_size;
    header.body_crc = record.body_crc;
    const auto point = propose(header);
    // It leads no more, or is about to hand over: nobody has heard of this record.
    if (!point) return stop_leading();
    KV_CHECK((*point == raft::Point{record.term, record.sequence, record.chain}));
    agreed_ = record.sequence;
    bytes_appended_ += format::record_size(header);
  }
}

// Who leads next says what became of the writes that were under way, but perhaps never to this
// node: it may be none of the members any more.
void Replica::give_up_replies(const raft::Instant& now) {
  if (leading_ != 0) led_until_.reset();
  const std::uint64_t patience_us = kElectionsUntilUnknown * core_->config().election_us;
  if (!led_until_ || raft::shortest_us(*led_until_, now) < patience_us) return;
  led_until_.reset();
  pipeline().tell_unknown();
}

void Replica::stop_leading() {
  change_.reset();
  led_until_ = now_;
  pipeline().follow(not_leading());
  leading_ = 0;
  if (pipeline().last_sequence() > agreed_) roll_back(agreed_ + 1);
}

void Replica::roll_back(raft::Seq first) {
  change_.reset();
  has_news_of_members_ = memberships_->truncate_from(first) || has_news_of_members_;
  if (leading_ != 0) {
    pipeline().follow(not_leading());
    led_until_ = now_;
  }
  leading_ = 0;
  while (!held_.empty() && held_.back().header.sequence >= first) held_.pop_back();
  // The core knows that they are void.
  while (!writes_.empty() && writes_.back().last.seq >= first) {
    core_->disk_done(writes_.back());
    writes_.pop_back();
  }
  agreed_ = first - 1;
  // A full disk may have taken them out already.
  if (pipeline().last_sequence() < first) return;
  const auto done = parts_.store.roll_back(first, point_at(agreed_).chain);
  reader_.forget_from(first);
  if (!done) fail(done.error());
}

void Replica::append(const raft::Ready& ready) {
  for (const raft::Entry& entry : ready.append) {
    if (entry.seq <= agreed_) continue;  // the store's own, as it was proposed
    KV_CHECK(entry.seq == agreed_ + 1);
    held_.push_back(held_of(entry));
    if (entry.kind == raft::EntryKind::kConfig) take_membership(held_.back());
    agreed_ = entry.seq;
    bytes_appended_ += entry.size;
  }
  write_held();
}

Replica::Held Replica::held_of(const raft::Entry& entry) const {
  if (const auto found = received_.find(entry.seq);
      found != received_.end() && found->second.header.term == entry.term) {
    return found->second;
  }
  KV_CHECK(entry.kind == raft::EntryKind::kNoop);  // a new leader's first
  Held held;
  held.header = peer::header_of(entry);
  held.header.timestamp_ms = parts_.store.directory().fs().wall_clock_ms();
  return held;
}

// Those that the log does not have, or not any more: a full disk takes them out again.
void Replica::write_held() {
  const raft::Seq last = pipeline().last_sequence();
  std::vector<engine::ForeignRecord> records;
  for (const Held& held : held_) {
    if (held.header.sequence > last) records.push_back({held.header, held.body});
  }
  if (records.empty()) return;
  if (auto done = pipeline().append(records); !done && done.error().code != Errc::kTryLater) {
    return fail(done.error());
  }
  pipeline().flush(ReadMode::kNoWait);
}

// What the store got done meanwhile.
void Replica::note_progress() {
  if (auto failure = pipeline().failure()) return fail(*failure);
  write_held();
  const raft::Seq synced = pipeline().synced_sequence();
  while (!held_.empty() && held_.front().header.sequence <= synced) held_.pop_front();
  while (!writes_.empty() && writes_.front().last.seq <= synced) {
    core_->disk_done(writes_.front());
    writes_.pop_front();
  }
  if (const raft::Seq applied = pipeline().applied_sequence(); applied > told_applied_) {
    told_applied_ = applied;
    core_->applied(applied);
  }
  if (!whole_from_ && core_->serves()) whole_from_ = told_applied_;  // its own NOOP among them
  const bool may_lead = core_->serves() && !core_->is_transferring();
  if (leading_ == 0 && may_lead && agreed_ == pipeline().last_sequence()) {
    leading_ = core_->term();
    pipeline().lead(leading_);
  }
}

void Replica::tell(raft::Ready& ready) {
  for (const raft::ReadResult& read : ready.reads) {
    if (!whole_from_) whole_from_ = read.seq;
    parts_.listener.on_read(read);
  }
  if (ready.role) {
    if (leading_ == 0) pipeline().follow(not_leading());
    parts_.listener.on_role(*ready.role);
  }
  if (ready.alarm) parts_.listener.on_alarm(*ready.alarm);
}

void Replica::fail(Error error) {
  if (!failure_) failure_ = std::move(error);
  pipeline().follow(*failure_);
  leading_ = 0;
}

}  // namespace kv::node
