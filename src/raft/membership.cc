// Changing the members, one at a time (thesis 4.1, 4.2; rules M1 to M5).

#include <algorithm>
#include <memory>
#include <utility>

#include "base/check.h"
#include "raft/core.h"
#include "raft/planted.h"

namespace kv::raft {

const char* name_of(Refusal refusal) {
  switch (refusal) {
    case Refusal::kNotLeader:
      return "not leader";
    case Refusal::kNotReady:
      return "not ready";
    case Refusal::kBusy:
      return "busy";
    case Refusal::kTransferring:
      return "transferring";
    case Refusal::kConfigPending:
      return "config pending";
    case Refusal::kNotCaughtUp:
      return "not caught up";
    case Refusal::kNoMajority:
      return "no majority";
    case Refusal::kInvalid:
      return "invalid";
  }
  return "unknown";
}

namespace {

void insert(std::vector<NodeId>& nodes, NodeId node) {
  nodes.insert(std::ranges::upper_bound(nodes, node), node);
}

}  // namespace

// Old and new majorities overlap only between neighbours. Rule M1: without a committed record of
// its own term a leader cannot know that the configuration it starts from is not about to be
// overridden by a rival's (Ongaro, raft-dev, July 2015). Rule M2: nor may two of its own be open.
tl::expected<Config, Refusal> Core::try_config(const ConfigChange& change) const {
  if (role_ != Role::kLeader) return tl::unexpected(Refusal::kNotLeader);
  if (commit_ < noop_seq_ && !is_planted(Bug::kConfigBeforeNoop)) {
    return tl::unexpected(Refusal::kNotReady);
  }
  if (transfer_) return tl::unexpected(Refusal::kTransferring);
  if (configs_.latest_seq() > commit_ && !is_planted(Bug::kTwoConfigs)) {
    return tl::unexpected(Refusal::kConfigPending);
  }
  return changed_config(change);
}

tl::expected<Point, Refusal> Core::change_config(const ConfigChange& change) {
  auto config = try_config(change);
  if (!config) return tl::unexpected(config.error());
  // Rule M3: in force from here on.
  const Point point = append_own(Entry{
      .kind = EntryKind::kConfig, .config = std::make_shared<const Config>(std::move(*config))});
  // A newcomer need not wait for the next heartbeat.
  const auto newcomer = peers_.find(change.node);
  if (newcomer != peers_.end()) send_heartbeat(newcomer->first, newcomer->second);
  return point;
}

tl::expected<Config, Refusal> Core::changed_config(const ConfigChange& change) const {
  Config config = configs_.latest();
  const NodeId node = change.node;
  switch (change.kind) {
    case ConfigChange::Kind::kAddLearner:
      if (node == kNoNode || config.is_member(node)) return tl::unexpected(Refusal::kInvalid);
      insert(config.learners, node);
      break;
    case ConfigChange::Kind::kPromote: {
      const auto peer = peers_.find(node);
      if (!config.is_learner(node) || peer == peers_.end()) {
        return tl::unexpected(Refusal::kInvalid);
      }
      // Rule M4: a voter that lags behind costs availability.
      if (!peer->second.catch_up.is_done(now_)) return tl::unexpected(Refusal::kNotCaughtUp);
      std::erase(config.learners, node);
      insert(config.voters, node);
      break;
    }
    case ConfigChange::Kind::kRemove:
      if (!config.is_member(node) || config.is_only_voter(node)) {
        return tl::unexpected(Refusal::kInvalid);
      }
      std::erase(config.learners, node);
      std::erase(config.voters, node);
      // Rule M7. Who is dead can be removed, who is needed cannot.
      if (!change.is_forced && !hears_majority(config)) {
        return tl::unexpected(Refusal::kNoMajority);
      }
      break;
  }
  return config;
}

// Ourselves we hear always.
bool Core::hears_majority(const Config& config) const {
  const auto heard = std::ranges::count_if(config.voters, [&](NodeId node) {
    if (node == id_) return true;
    const auto peer = peers_.find(node);
    return peer != peers_.end() && peer->second.heard &&
           longest_us(*peer->second.heard, now_) < config.election_us;
  });
  return static_cast<std::size_t>(heard) >= config.majority();
}

// A leader sends to those in the newest configuration, and to nobody else.
void Core::sync_peers() {
  const Config& config = configs_.latest();
  std::erase_if(peers_, [&](const auto& peer) { return !config.is_member(peer.first); });
  const Seq next = log_.last().seq + 1;
  for (const auto* nodes : {&config.voters, &config.learners}) {
    for (const NodeId node : *nodes) {
      if (node != id_) peers_.try_emplace(node, next);
    }
  }
}

}  // namespace kv::raft
