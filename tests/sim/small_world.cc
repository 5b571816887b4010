#include "sim/small_world.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/check.h"
#include "raft/digest.h"

namespace kv::sim {

namespace {

// Lets every timer of a node fire and every promise end.
constexpr std::uint64_t kLongUs = 3'000'000;

raft::NodeId id_of(std::size_t index) { return raft::NodeId{index + 1}; }

bool is_prevote(const raft::Message& message) {
  return std::holds_alternative<raft::PrevoteRequest>(message.body) ||
         std::holds_alternative<raft::PrevoteReply>(message.body);
}

}  // namespace

SmallNode::SmallNode(std::size_t place, std::shared_ptr<const raft::Config> config)
    : index(place), log(std::move(config)) {}

SmallNode::SmallNode(const SmallNode& other)
    : index(other.index),
      log(other.log),
      stable(other.stable),
      unsynced(other.unsynced),
      now(other.now),
      core(std::make_unique<raft::Core>(*other.core, log)),
      seen_commit(other.seen_commit) {}

void SmallNode::start() {
  raft::Boot boot;
  boot.id = id_of(index);
  boot.hard_state = stable;
  boot.configs = log.written().configs();
  core = std::make_unique<raft::Core>(boot, log, raft::Settings(), now);
  seen_commit = core->commit();
}

void SmallNode::tick(std::uint64_t time_us) {
  now.boot_us += time_us;
  now.raw_us += time_us;
  core->tick(now);
}

void SmallNode::fold(raft::Digest& digest) const {
  digest.add(core->fingerprint(raft::Core::Timers::kLeftOut));
  digest.add(log.last()).add(log.synced().point_at(log.synced().last_seq())).add(log.unsynced());
  log.fold_unsynced(digest);
  const auto fold_state = [&](const raft::HardState& state) {
    digest.add(state.term).add(state.voted_for).add(state.commit_hint).add(state.commit_hint_term);
  };
  fold_state(stable);
  digest.add(unsynced.size());
  for (const raft::HardState& state : unsynced) fold_state(state);
}

SmallWorld::SmallWorld(const Scope& scope)
    : scope_(std::make_shared<const Scope>(scope)),
      oracle_([](const raft::Point&, const raft::Config& config) { return config.majority(); }) {
  auto config = std::make_shared<raft::Config>();
  for (std::size_t i = 0; i < scope.nodes; ++i) config->voters.push_back(id_of(i));
  for (std::size_t i = 0; i < scope.nodes; ++i) {
    nodes_.push_back(std::make_shared<SmallNode>(i, config));
    nodes_.back()->start();
    nodes_.back()->tick(kLongUs);
    process(*nodes_.back(), Talk::kDropped);
  }
}

std::vector<SmallStep> SmallWorld::steps() const {
  using Kind = SmallStep::Kind;
  std::vector<SmallStep> steps;
  for (const Mail& mail : mail_) {
    const auto to = static_cast<std::uint32_t>(mail.message->to) - 1;
    steps.push_back({.kind = Kind::kDeliver, .node = to, .message = mail.digest});
  }
  for (std::uint32_t i = 0; i < nodes_.size(); ++i) {
    const SmallNode& node = *nodes_[i];
    const bool is_leader = node.core->role() == raft::Role::kLeader;
    // Who is first does not matter: until then they are all the same.
    const bool may_campaign = elections_ > 0 || i == 0;
    if (elections_ < scope_->elections && !is_leader && may_campaign) {
      steps.push_back({.kind = Kind::kCampaign, .node = i});
    }
    if (records_ < scope_->records && node.core->serves()) {
      steps.push_back({.kind = Kind::kPropose, .node = i});
    }
    if (node.log.unsynced() > 0) steps.push_back({.kind = Kind::kSyncLog, .node = i});
    if (!node.unsynced.empty()) steps.push_back({.kind = Kind::kSyncState, .node = i});
    if (crashes_ >= scope_->crashes) continue;
    for (std::uint32_t kept = 0; kept <= node.log.unsynced(); ++kept) {
      steps.push_back({.kind = Kind::kCrash, .node = i, .kept = kept});
    }
  }
  return steps;
}

void SmallWorld::take(const SmallStep& step) {
  switch (step.kind) {
    case SmallStep::Kind::kCampaign:
      return campaign(step.node);
    case SmallStep::Kind::kDeliver:
      return deliver(step.message);
    case SmallStep::Kind::kPropose: {
      SmallNode& node = change(step.node);
      KV_CHECK(node.core->propose({.size = 10, .digest = ++records_}).has_value());
      return process(node, Talk::kKept);
    }
    case SmallStep::Kind::kSyncLog: {
      SmallNode& node = change(step.node);
      sync_log(node);
      return process(node, Talk::kKept);
    }
    case SmallStep::Kind::kSyncState: {
      SmallNode& node = change(step.node);
      sync_state(node);
      return process(node, Talk::kKept);
    }
    case SmallStep::Kind::kCrash:
      return crash(step.node, step.kept);
  }
}

SmallNode& SmallWorld::change(std::size_t index) {
  nodes_[index] = std::make_shared<SmallNode>(*nodes_[index]);
  return *nodes_[index];
}

// A majority would vote for it: whether that is so does not matter to safety, and pre-votes are
// left out of the search by pretending.
void SmallWorld::campaign(std::size_t index) {
  elections_ += 1;
  SmallNode& node = change(index);
  node.tick(kLongUs);
  process(node, Talk::kDropped);
  for (std::size_t other = 0; other < nodes_.size(); ++other) {
    if (other == index || node.core->role() != raft::Role::kPreCandidate) continue;
    node.core->step({.from = id_of(other),
                     .to = id_of(index),
                     .term = node.core->term(),
                     .body = raft::PrevoteReply{.asked = node.core->term(), .is_granted = true}});
  }
  process(node, Talk::kKept);
}

void SmallWorld::deliver(std::uint64_t digest) {
  const auto found = std::ranges::find(mail_, digest, &Mail::digest);
  KV_CHECK(found != mail_.end());
  const auto message = found->message;
  mail_.erase(found);
  SmallNode& node = change(static_cast<std::size_t>(message->to) - 1);
  if (std::holds_alternative<raft::VoteRequest>(message->body)) {
    // Long after it heard the leader, or led.
    node.tick(kLongUs);
    process(node, Talk::kDropped);
  }
  node.core->step(*message);
  process(node, Talk::kKept);
}

void SmallWorld::crash(std::size_t index, std::size_t kept) {
  crashes_ += 1;
  SmallNode& node = change(index);
  node.core.reset();
  node.log.crash_keeping(kept);
  node.unsynced.clear();
  node.start();
  node.tick(kLongUs);
  process(node, Talk::kDropped);
}

void SmallWorld::sync_log(SmallNode& node) {
  for (const raft::LogWrite& write : node.log.sync_oldest()) node.core->disk_done(write);
}

void SmallWorld::sync_state(SmallNode& node) {
  node.stable = node.unsynced.front();
  node.unsynced.pop_front();
  node.core->hard_state_done(node.stable.version);
}

void SmallWorld::process(SmallNode& node, Talk talk) {
  for (;;) {
    raft::Ready ready = node.core->take_ready();
    if (talk == Talk::kDropped) ready.messages.clear();
    obey(node, ready);
    observe(node, ready);
    const bool is_quiet = !ready.hard_state && ready.append.empty() && ready.messages.empty() &&
                          ready.apply_first > ready.commit;
    if (is_quiet) break;
  }
  std::erase_if(mail_, [&](const Mail& mail) { return is_dead(*mail.message); });
}

// What would change nothing on arrival, and never will: it may as well be lost.
bool SmallWorld::is_dead(const raft::Message& message) const {
  const raft::Core& core = *nodes_[static_cast<std::size_t>(message.to) - 1]->core;
  if (const auto* vote = std::get_if<raft::VoteReply>(&message.body)) {
    return message.term < core.term() ||
           (message.term == core.term() &&
            (!vote->is_granted || core.role() != raft::Role::kCandidate));
  }
  if (!std::holds_alternative<raft::AppendReply>(message.body)) return false;
  return message.term < core.term() ||
         (message.term == core.term() && core.role() != raft::Role::kLeader);
}

void SmallWorld::obey(SmallNode& node, const raft::Ready& ready) {
  if (ready.hard_state) {
    node.unsynced.push_back(*ready.hard_state);
    if (!scope_->has_slow_disks) sync_state(node);
  }
  if (!ready.append.empty()) {
    node.log.write(ready);
    if (!scope_->has_slow_disks) sync_log(node);
  }
  for (const raft::Message& message : ready.messages) post(node, message);
  node.core->applied(ready.commit);
}

void SmallWorld::observe(SmallNode& node, const raft::Ready& ready) {
  const raft::NodeId id = id_of(node.index);
  if (ready.truncate_from) oracle_.truncated(id, node.core->role(), *ready.truncate_from);
  for (const raft::Entry& entry : ready.append) oracle_.appended(id, entry);
  for (const raft::Message& message : ready.messages) {
    const auto* reply = std::get_if<raft::VoteReply>(&message.body);
    if (reply != nullptr && reply->is_granted) oracle_.voted(id, message.term, message.to);
    if (std::holds_alternative<raft::VoteRequest>(message.body))
      oracle_.voted(id, message.term, id);
  }
  if (ready.alarm) oracle_.fail("an alarm is raised");
  if (ready.role && ready.role->role == raft::Role::kLeader) {
    oracle_.elected(id, node.core->term(), node.log.written());
  }
  const raft::Seq commit = node.core->commit();
  if (commit < node.seen_commit) oracle_.fail("the commit goes back");
  if (commit > node.seen_commit) {
    oracle_.committed(*node.core, node.log.written(), node.seen_commit + 1, commit);
    check_durable(node.log.written().point_at(commit), node.core->config());
  }
  node.seen_commit = commit;
}

// Whoever learns that a record is committed, and whenever: a majority of the disks has it.
void SmallWorld::check_durable(const raft::Point& point, const raft::Config& config) {
  const auto copies = std::ranges::count_if(
      nodes_, [&](const auto& node) { return node->log.synced().has(point); });
  if (static_cast<std::size_t>(copies) < config.majority()) {
    oracle_.fail("what is committed is not on the disks of a majority");
  }
}

void SmallWorld::post(const SmallNode& node, raft::Message message) {
  if (is_prevote(message)) return;
  if (auto* append = std::get_if<raft::Append>(&message.body)) {
    for (raft::Seq seq = append->prev.seq + 1; seq <= append->last; ++seq) {
      append->entries.push_back(node.log.written().entry_at(seq));
    }
  }
  const std::uint64_t digest = raft::Digest().add(message).value();
  const auto place = std::ranges::lower_bound(mail_, digest, {}, &Mail::digest);
  if (place != mail_.end() && place->digest == digest) return;
  mail_.insert(place, {digest, std::make_shared<const raft::Message>(std::move(message))});
}

std::uint64_t SmallWorld::digest() const {
  raft::Digest digest;
  for (const auto& node : nodes_) node->fold(digest);
  for (const Mail& mail : mail_) digest.add(mail.digest);
  oracle_.fold(digest);
  return digest.add(elections_).add(records_).add(crashes_).value();
}

std::string SmallWorld::describe(const SmallStep& step) const {
  const std::uint32_t node = step.node + 1;
  switch (step.kind) {
    case SmallStep::Kind::kCampaign:
      return fmt::format("node {} campaigns", node);
    case SmallStep::Kind::kDeliver: {
      const auto found = std::ranges::find(mail_, step.message, &Mail::digest);
      return found == mail_.end() ? "?" : raft::describe(*found->message);
    }
    case SmallStep::Kind::kPropose:
      return fmt::format("node {} proposes", node);
    case SmallStep::Kind::kSyncLog:
      return fmt::format("node {}'s log is synced", node);
    case SmallStep::Kind::kSyncState:
      return fmt::format("node {}'s vote and term are synced", node);
    case SmallStep::Kind::kCrash:
      return fmt::format("node {} crashes, {} unsynced writes are kept", node, step.kept);
  }
  return "?";
}

}  // namespace kv::sim
