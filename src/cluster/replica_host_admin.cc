// What an operator asks of a member: other members, another leader (rules M1 to M7).

#include <chrono>
#include <future>
#include <memory>
#include <utility>

#include <asio/post.hpp>
#include <fmt/format.h>

#include "cluster/replica_host.h"

namespace kv::cluster {

namespace {

using Kind = raft::ConfigChange::Kind;

// Of who asks; what was begun goes on.
constexpr std::chrono::seconds kPatience{5};

// The members have to come to something first.
Error not_yet(std::string_view text) {
  return {Errc::kTryLater, fmt::format("reason=cluster {}", text), {}};
}

}  // namespace

// The thread may be gone before it comes to that: then nobody answers.
Result<void> ReplicaHost::on_its_thread(std::function<Result<void>()> action) {
  auto promise = std::make_shared<std::promise<Result<void>>>();
  auto done = promise->get_future();
  asio::post(io_, [this, promise, action = std::move(action)] {
    if (is_stopping_ || replica_->failure()) {
      return promise->set_value(tl::unexpected(Error{Errc::kClosed, "this node is stopping", {}}));
    }
    // It is about to be opened again.
    if (replica_->is_over()) return promise->set_value(tl::unexpected(replica_->not_leading()));
    promise->set_value(action());
    follow_members();
    look_around();
  });
  if (done.wait_for(kPatience) == std::future_status::ready) return done.get();
  return tl::unexpected(Error{Errc::kUnknownOutcome,
                              "the node did not come to it in time, as its disk is slow; whether "
                              "it was done CLUSTER tells",
                              {}});
}

Result<void> ReplicaHost::add(const Newcomer& newcomer) {
  const format::Member member{newcomer.node_id, newcomer.node_uuid, format::MemberRole::kLearner,
                              newcomer.peer_address, newcomer.client_address};
  return on_its_thread([this, member] { return begin_add(member); });
}

Result<void> ReplicaHost::remove(std::uint64_t node_id, bool is_forced) {
  return on_its_thread([this, node_id, is_forced] { return begin_remove(node_id, is_forced); });
}

Result<void> ReplicaHost::campaign() {
  return on_its_thread([this]() -> Result<void> {
    if (replica_->campaign(now())) return {};
    return tl::unexpected(why_no_campaign());
  });
}

Result<std::uint64_t> ReplicaHost::compare() {
  auto sequence = std::make_shared<std::uint64_t>(0);
  auto done = on_its_thread([this, sequence]() -> Result<void> {
    const auto begun = replica_->compare(now());
    if (begun) {
      *sequence = *begun;
      return {};
    }
    if (begun.error() == raft::Refusal::kNotLeader) {
      return tl::unexpected(replica_->not_leading());
    }
    return tl::unexpected(not_yet("the disk of this node has no room for it; ask again"));
  });
  return std::move(done).map([sequence] { return *sequence; });
}

// In the order in which the core asks.
Error ReplicaHost::why_no_campaign() const {
  const raft::Core& core = replica_->core();
  const auto never = [](std::string text) {
    return Error{Errc::kInvalidArgument, std::move(text) + "; ask another member", {}};
  };
  if (core.is_quarantined())
    return never("this node takes no part any more, and its log file says why");
  if (core.is_damaged()) {
    return never("this node may not lead before it has what damage took from its log");
  }
  if (!core.config().is_voter(core.id())) return never("this node has no vote, so it may not lead");
  if (core.role() == raft::Role::kLeader) {
    return {Errc::kInvalidArgument, "this node leads already", {}};
  }
  if (core.has_stalled_disk(now())) {
    return not_yet("the disk of this node stands still; ask another member");
  }
  if (core.leader() != raft::kNoNode) {
    return not_yet(fmt::format(
        "this node hears node {}, which leads; do=transfer there hands over, and if that one is "
        "gone ask again in a second",
        static_cast<std::uint64_t>(core.leader())));
  }
  return not_yet(
      "this node may have promised its vote, to a leader that it heard a moment ago or before it "
      "started; ask again in a second");
}

Result<void> ReplicaHost::begin_add(const format::Member& member) {
  const format::Membership one{.election_us = 1, .members = {member}};
  if (!format::is_well_formed(one)) {
    return tl::unexpected(
        Error{Errc::kInvalidArgument, "peer and client must be HOST:PORT each", {}});
  }
  // Another node may not know of the last changes.
  if (replica_->core().role() != raft::Role::kLeader) {
    return tl::unexpected(replica_->not_leading());
  }
  const format::Membership present = replica_->known_membership();
  for (const format::Member& known : present.members) {
    if (known.node_uuid != member.node_uuid) continue;
    const bool is_there = known.node_id == member.node_id;
    if (is_there && known.peer_address == member.peer_address) return {};
    if (is_there) {
      return tl::unexpected(Error{
          Errc::kInvalidArgument,
          fmt::format("node {} is a member already, which the others look for at {}; `kv cluster "
                      "remove {}`, and add it with the address where it is",
                      known.node_id, known.peer_address, known.node_id),
          {}});
    }
    return tl::unexpected(Error{
        Errc::kInvalidArgument, fmt::format("that disk is node {} already", known.node_id), {}});
  }
  const node::MemberChange change{Kind::kAddLearner, member};
  const auto begun = replica_->change_members(change, now());
  if (!begun) return tl::unexpected(refused(begun.error(), change));
  log_.tell(Event::Level::kInfo, "member added",
            fmt::format("node={} address={}", member.node_id, member.peer_address),
            std::chrono::steady_clock::now());
  return {};
}

// Sooner than the core knows, which heard them a moment ago. Only a leader's answer counts.
bool ReplicaHost::has_majority_without(raft::NodeId node) const {
  const raft::Core& core = replica_->core();
  std::size_t left = 0;
  std::size_t there = 0;
  for (const raft::NodeId voter : core.config().voters) {
    if (voter == node) continue;
    left += 1;
    const auto link = links_.find(voter);
    const bool is_open = link != links_.end() && link->second->is_open();
    there += voter == core.id() || is_open ? 1 : 0;
  }
  return left == 0 || there > left / 2;  // no voter left: the core says why that cannot be
}

Result<void> ReplicaHost::begin_remove(std::uint64_t node_id, bool is_forced) {
  const node::MemberChange change{Kind::kRemove, {.node_id = node_id}, is_forced};
  const bool leads = replica_->core().role() == raft::Role::kLeader;
  if (leads && !is_forced && !has_majority_without(raft::NodeId{node_id})) {
    return tl::unexpected(refused(raft::Refusal::kNoMajority, change));
  }
  const auto begun = replica_->change_members(change, now());
  if (!begun) return tl::unexpected(refused(begun.error(), change));
  log_.tell(Event::Level::kInfo, "member removed", fmt::format("node={}", node_id),
            std::chrono::steady_clock::now());
  return {};
}

Error ReplicaHost::refused(raft::Refusal refusal, const node::MemberChange& change) const {
  switch (refusal) {
    case raft::Refusal::kNotLeader:
      return replica_->not_leading();
    case raft::Refusal::kNotReady:
      return not_yet("this node leads since a moment ago; ask again");
    case raft::Refusal::kTransferring:
      return not_yet("this node is about to hand over; ask who leads then");
    case raft::Refusal::kConfigPending:
      return not_yet(
          "another change of the members is not committed yet; ask again, and if that goes on "
          "look at CLUSTER: a majority of the voters must be there");
    case raft::Refusal::kNoMajority:
      return {
          Errc::kInvalidArgument,
          fmt::format("no majority of the voters that would be left was heard of late; start "
                      "them first, or remove node {} with `kv cluster remove {} --force`, which "
                      "is force=1 in a request: if they do not come back, the cluster takes no "
                      "writes any more",
                      change.member.node_id, change.member.node_id),
          {}};
    case raft::Refusal::kInvalid:
      return {Errc::kInvalidArgument, why_invalid(change), {}};
    case raft::Refusal::kBusy:
    case raft::Refusal::kNotCaughtUp:
      break;
  }
  return {Errc::kTryLater, "the log takes nothing at the moment; ask again", {}};
}

std::string ReplicaHost::why_invalid(const node::MemberChange& change) const {
  const raft::Config& config = replica_->core().config();
  const std::uint64_t node_id = change.member.node_id;
  if (change.kind == Kind::kAddLearner && config.is_member(raft::NodeId{node_id})) {
    return fmt::format(
        "there is a node {} with another disk; remove that one first, or take another number",
        node_id);
  }
  if (change.kind == Kind::kAddLearner) {
    return fmt::format("a cluster has {} members at most; remove one first", format::kMembersMax);
  }
  if (config.is_only_voter(raft::NodeId{node_id})) {
    return fmt::format("node {} is the only voter; add another one first", node_id);
  }
  return fmt::format("no member has number {}", node_id);
}

}  // namespace kv::cluster
