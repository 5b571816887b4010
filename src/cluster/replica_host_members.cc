// Whom a member talks to: connections follow the configuration (rules M3, M6, E9).

#include <algorithm>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "cluster/names.h"
#include "cluster/replica_host.h"

namespace kv::cluster {

namespace {

const char* text_of(peer::Reason reason) {
  return reason == peer::Reason::kReplaced
             ? "that node had another disk; remove it, and add it again"
             : "not a member; stop that node, or add it to the cluster";
}

// "-": none.
std::string numbers_text(const std::set<raft::NodeId>& nodes) {
  std::string text;
  for (const raft::NodeId node : nodes) {
    text += fmt::format("{}{}", text.empty() ? "" : ",", number(node));
  }
  return text.empty() ? "-" : text;
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

// Before the first tick.
void ReplicaHost::begin_founding() {
  const bool has_taken_part = parts_->hard_state.state().term > 0;
  if (has_taken_part || parts_->members.content().has_joined) return;
  std::set<raft::NodeId> others;
  for (const auto& [id, member] : replica_->neighbours()) others.insert(id);
  if (others.empty()) return;
  founding_.emplace(std::move(others));
  constexpr std::chrono::seconds kPatience{3};
  founding_told_ = std::chrono::steady_clock::now() + kPatience;
  replica_->set_may_campaign(false);
}

void ReplicaHost::follow_founding() {
  if (!founding_ || is_stopping_ || replica_->is_over()) return;
  for (const auto& [id, link] : links_) {
    if (link->is_open()) founding_->let_in(id);
  }
  if (founding_->is_over()) {
    founding_.reset();
    return replica_->set_may_campaign(!placed_);
  }
  const auto time = std::chrono::steady_clock::now();
  if (!founding_told_ || time < *founding_told_) return;
  founding_told_.reset();
  std::set<raft::NodeId> refusing;
  for (const auto& [id, link] : links_) {
    if (link->is_shut()) refusing.insert(id);
  }
  log_.tell(
      Event::Level::kWarning, "founders missing",
      fmt::format(
          "nodes={} refused_by={} cause=\"a cluster begins when each of --peers has let in all the "
          "others\" action=\"start those nodes; a member whose disk was lost comes "
          "back without --peers: kv cluster remove, kv start --join, kv cluster "
          "add\"",
          numbers_text(founding_->missing()), numbers_text(refusing)),
      time);
}

std::string ReplicaHost::obstacle() const {
  if (is_shut_out()) return replica_->why_left_out();
  if (!founding_) return "";
  return fmt::format(
      "the cluster begins when each of --peers has let in all the others; node {} is not let in by "
      "node {} yet",
      options_.node_id, numbers_text(founding_->missing()));
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
