// Whom a member talks to: connections follow the configuration (rules M3, M6, E9).

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "cluster/replica_host.h"

namespace kv::cluster {

namespace {

const char* text_of(peer::Reason reason) {
  return reason == peer::Reason::kReplaced
             ? "that node had another disk; remove it, and add it again"
             : "not a member; stop that node, or add it to the cluster";
}

bool leads_to(const PeerLink& link, const format::Member& member) {
  const format::Member& known = link.member();
  return known.peer_address == member.peer_address &&
         (known.node_uuid.is_nil() || known.node_uuid == member.node_uuid);
}

}  // namespace

void ReplicaHost::on_members() { follow_members(); }

// Called often, and seldom with anything to do.
void ReplicaHost::follow_members() {
  const auto wanted = replica_->neighbours();
  for (auto at = links_.begin(); at != links_.end();) {
    const auto found = wanted.find(at->first);
    if (found != wanted.end() && leads_to(*at->second, found->second)) {
      ++at;
      continue;
    }
    at->second->stop();
    ended_links_.push_back(std::move(at->second));
    at = links_.erase(at);
  }
  for (const auto& [id, member] : wanted) {
    auto& link = links_[id];
    if (link) continue;
    // A link leads to one disk, once that is known.
    const auto is_its = [this, node = id, disk = member.node_uuid](const base::Uuid& uuid) {
      return disk.is_nil() ? !reason_of(replica_->standing_of(node, uuid)) : disk == uuid;
    };
    link = std::make_unique<PeerLink>(
        io_, member, PeerLink::Questions{[this] { return hello(); }, is_its}, log_);
    link->start();
  }
  for (const auto& one : sessions_) {
    const auto session = one.lock();
    if (!session || !session->who()) continue;
    const auto& who = *session->who();
    const auto reason = reason_of(replica_->standing_of(who.node_id, who.node_uuid));
    if (reason) session->dismiss(goodbye(*reason));
  }
}

// A disk that could not be written down is nobody's: whoever asks will ask again.
peer::Goodbye ReplicaHost::goodbye(peer::Reason reason) { return {reason, text_of(reason)}; }

std::optional<peer::Reason> ReplicaHost::reason_of(
    const Result<node::Replica::Standing>& standing) {
  using Standing = node::Replica::Standing;
  if (!standing) {
    log_.tell(Event::Level::kError, "members not written",
              fmt::format("cause=\"{}\" action=\"make room, or mend the disk\"",
                          describe(standing.error())),
              std::chrono::steady_clock::now());
    return peer::Reason::kReplaced;
  }
  if (*standing == Standing::kMember) return std::nullopt;
  return *standing == Standing::kStranger ? peer::Reason::kNotAMember : peer::Reason::kReplaced;
}

}  // namespace kv::cluster
