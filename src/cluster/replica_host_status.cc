// What a member says of itself and of the others.

#include <utility>

#include "base/uuid.h"
#include "cluster/names.h"
#include "cluster/replica_host.h"
#include "cluster/successor.h"

namespace kv::cluster {

// Of a leader.
std::vector<Successor> ReplicaHost::successors() const {
  const raft::Core& core = replica_->core();
  const auto time = std::chrono::steady_clock::now();
  std::vector<Successor> members;
  for (const auto& [id, progress] : core.peers()) {
    const auto link = links_.find(id);
    if (!core.config().is_voter(id) || link == links_.end() || !link->second->is_open()) continue;
    members.push_back(
        {number(id), progress.match,
         std::chrono::duration_cast<std::chrono::microseconds>(time - link->second->opened())});
  }
  return members;
}

std::chrono::microseconds ReplicaHost::boot_silence() const {
  return std::chrono::microseconds(replica_->core().config().boot_silence_us());
}

bool ReplicaHost::should_wait_to_transfer() const {
  const std::lock_guard lock(mutex_);
  return should_wait_to_transfer_;
}

server::ReplicationStatus ReplicaHost::status() const {
  const std::lock_guard lock(mutex_);
  return status_;
}

bool ReplicaHost::is_shut_out() const {
  if (replica_->core().leader() != raft::kNoNode) return false;
  const auto is_open = [](const auto& entry) { return entry.second->is_open(); };
  const auto is_shut = [](const auto& entry) { return entry.second->is_shut(); };
  return std::ranges::any_of(links_, is_shut) && std::ranges::none_of(links_, is_open);
}

void ReplicaHost::note_status() {
  constexpr double kMicro = 1e6;
  const raft::Core& core = replica_->core();
  const raft::Instant instant = now();
  const auto time = std::chrono::steady_clock::now();
  lag_.note(core.last().seq, replica_->bytes_appended(), time);
  server::ReplicationStatus status;
  status.cluster_id = base::to_hex(options_.cluster_id);
  status.node_id = options_.node_id;
  status.node_uuid = base::to_hex(options_.node_uuid);
  const bool is_learner = core.config().is_learner(core.id());
  status.role = is_learner ? "learner" : role_name(core.role());
  if (founding_) status.role = "founding";
  if (is_shut_out()) status.role = "refused";
  if (!replica_->is_member()) status.role = "waiting";
  status.term = core.term();
  status.leader = number(core.leader());
  status.is_serving = core.serves() && !core.is_transferring();
  status.has_lease = core.holds_lease(instant);
  status.last = core.last().seq;
  status.durable = core.durable();
  status.commit = core.commit();
  status.applied = replica_->applied();
  status.floor = replica_->floor_sequence();
  status.received_share = replica_->received_share();
  status.records_put_back = replica_->repair().put_back();
  status.records_damaged = replica_->repair().left();
  status.members_since = replica_->memberships().latest().sequence;
  status.compared = replica_->comparison().compared();
  status.compared_members = replica_->comparison().members_the_same();
  status.election_us = core.config().election_us;
  if (placed_) {
    const etcd::Gate& gate = placed_->gate();
    status.placement = {gate.holder(), gate.is_reachable(), gate.may_campaign()};
  }
  if (const auto contact = core.leader_contact()) {
    status.contact_seconds = static_cast<double>(raft::longest_us(*contact, instant)) / kMicro;
  }
  if (const format::Member* const leader = replica_->find_member(core.leader())) {
    status.leader_address = leader->client_address;
  }
  if (const format::Member* const self = replica_->find_member(core.id())) {
    status.own_address = self->client_address;
  }
  for (const auto& [id, member] : replica_->neighbours()) {
    server::ReplicationStatus::Peer peer;
    peer.node_id = member.node_id;
    peer.address = member.client_address;
    peer.peer_address = member.peer_address;
    peer.role = member.role == format::MemberRole::kLearner ? "learner" : "voter";
    const auto link = links_.find(id);
    peer.is_connected = link != links_.end() && link->second->is_open();
    // What one that was not heard in this term has, nobody knows.
    const auto progress = core.peers().find(id);
    if (progress != core.peers().end() && progress->second.heard) {
      const auto lag = lag_.behind(progress->second.match, time);
      peer.is_followed = true;
      peer.durable = progress->second.match;
      peer.lag_records = core.last().seq - peer.durable;
      peer.lag_bytes = lag.bytes;
      peer.lag_seconds = lag.age.count();
      peer.sent_share = replica_->sent_share(id);
    }
    status.peers.push_back(std::move(peer));
  }
  const bool should_wait = status.is_serving && are_all_silent(successors(), boot_silence());
  const std::lock_guard lock(mutex_);
  status_ = std::move(status);
  should_wait_to_transfer_ = should_wait;
}

}  // namespace kv::cluster
