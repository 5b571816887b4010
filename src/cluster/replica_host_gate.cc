// Leadership placed by etcd: what this node may do is asked there, and done here.

#include <chrono>

#include <fmt/format.h>

#include "cluster/names.h"
#include "cluster/replica_host.h"

namespace kv::cluster {

namespace {

// Records that a successor gets while nobody takes writes.
constexpr raft::Seq kLagMax = 1000;

}  // namespace

etcd::Gate::Node ReplicaHost::gate_node() const {
  const raft::Core& core = replica_->core();
  etcd::Gate::Node node;
  node.leads = core.role() == raft::Role::kLeader;
  node.serves = core.serves();
  node.is_transferring = core.is_transferring();
  node.wants_to_lead = core.wants_to_lead();
  node.is_refused = core.is_refused();
  node.leader = number(core.leader());
  node.term = core.term();
  node.commit = core.commit();
  node.election = std::chrono::duration_cast<std::chrono::milliseconds>(
      std::chrono::microseconds(core.config().election_us));
  return node;
}

// Who got the key has waited for long enough.
void ReplicaHost::follow_placement() {
  if (!placed_ || founding_ || is_stopping_ || replica_->is_over()) return;
  placed_->work(gate_node());
  const etcd::Gate& gate = placed_->gate();
  const bool is_opening = gate.may_campaign() && !is_gate_open_;
  is_gate_open_ = gate.may_campaign();
  replica_->set_may_campaign(is_gate_open_);
  if (is_opening && gate.holds() && replica_->core().wants_to_lead()) {
    // If it may not at this moment, its next timeout does.
    [[maybe_unused]] const auto begun = replica_->campaign(now());
  }
  hand_over_as_placed();
}

void ReplicaHost::hand_over_as_placed() {
  const auto wanted = placed_->gate().hand_over_to(std::chrono::steady_clock::now());
  if (!wanted) return;
  const std::uint64_t target =
      *wanted == 0 ? best_successor(successors(), boot_silence()) : *wanted;
  if (target == 0 || !can_take_over(target)) return;
  placed_->handed_over();
  log_.tell(
      Event::Level::kInfo, "hand-over",
      fmt::format("to={} cause=\"{}\"", target,
                  *wanted == 0 ? "the leadership key is lost" : "the leadership key names it"),
      std::chrono::steady_clock::now());
  begin_transfer(target);
}

// Soon, and without a wait for an election when it does not.
bool ReplicaHost::can_take_over(std::uint64_t node_id) const {
  const raft::Core& core = replica_->core();
  const raft::NodeId node{node_id};
  const auto progress = core.peers().find(node);
  const auto link = links_.find(node);
  if (progress == core.peers().end() || link == links_.end()) return false;
  return core.config().is_voter(node) && link->second->is_open() &&
         std::chrono::steady_clock::now() - link->second->opened() >= boot_silence() &&
         progress->second.match + kLagMax >= core.last().seq;
}

}  // namespace kv::cluster
