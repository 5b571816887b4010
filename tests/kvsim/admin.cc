// What an operator of the simulated cluster does: members come, go, and lose their disks.

#include <algorithm>

#include "kvsim/cluster.h"

namespace kv::kvsim {

namespace {

using Kind = raft::ConfigChange::Kind;

const format::Member* find(const format::Membership& membership, std::size_t machine) {
  const auto found = std::ranges::find(membership.members, machine + 1, &format::Member::node_id);
  return found == membership.members.end() ? nullptr : &*found;
}

}  // namespace

Machine& Cluster::reference() const {
  const auto leader = std::ranges::find_if(
      machines_, [this](const auto& one) { return one->leads() && !is_left_out(*one); });
  if (leader != machines_.end()) return **leader;
  return **std::ranges::find_if(machines_, [this](const auto& one) { return !is_left_out(*one); });
}

// As far as who leads knows.
bool Cluster::is_member(const Machine& machine) const {
  const auto* const member = find(reference().memberships().latest().membership, machine.index());
  return member != nullptr && member->node_uuid == machine.uuid();
}

void Cluster::plan_administration() {
  if (options_.spares == 0) return;
  constexpr Time kPauseMax = 2 * sim::kSecond;
  events_.after(1 + random_.below(kPauseMax), [this] {
    if (is_calm_) return;
    administer();
    plan_administration();
  });
}

// One step: refused ones are for the operator to repeat. What is not there is added; what is there
// is removed, the leader as well, or stays. A disk goes once its machine is removed; at most one
// goes before, if enough others are left.
void Cluster::administer() {
  const auto found = std::ranges::find_if(machines_, [](const auto& one) { return one->leads(); });
  if (found == machines_.end()) return;
  Machine& leader = **found;
  const format::Membership& present = leader.memberships().latest().membership;
  // Nobody has a change in its log that may yet be committed, or taken back: who leads may lead no
  // more, and not know.
  const bool is_settled = leader.memberships().at(leader.committed().seq).sequence ==
                              leader.memberships().latest().sequence &&
                          leader.committed().seq >= newest_change_;
  Machine& one =
      *machines_[wiped_ && random_.chance(50) ? *wiped_ : random_.below(machines_.size())];
  const format::Member* const member = find(present, one.index());
  if (member == nullptr) {
    // A removal that is not committed may be taken back.
    if (wiped_ == one.index() && is_settled) wiped_ = std::nullopt;
    if (is_settled && random_.chance(40)) return replace_disk(one);
    format::Member added;
    added.node_id = one.index() + 1;
    added.node_uuid = one.uuid();
    added.peer_address = "machine:7401";
    return leader.change_members({Kind::kAddLearner, std::move(added)});
  }
  const auto voters =
      std::ranges::count(present.members, format::MemberRole::kVoter, &format::Member::role);
  const bool is_any_damaged =
      std::ranges::any_of(machines_, [](const auto& each) { return each->is_damaged(); });
  const bool may_wipe = !wiped_ && is_settled && voters >= 3 && &one != &leader && !is_any_damaged;
  if (may_wipe && random_.chance(20)) {
    wiped_ = one.index();
    return replace_disk(one);
  }
  // Whoever removes a healthy one while another is lost may lose the majority.
  const bool is_wiped = member->node_uuid != one.uuid();
  if (is_wiped || (voters > 2 && !wiped_ && !is_any_damaged))
    leader.change_members({Kind::kRemove, *member});
}

void Cluster::replace_disk(Machine& machine) {
  machine.crash(io::CrashMode::kKeepCache);
  machine.wipe();
  outcome_.wiped += 1;
  restart_later(machine.index());
}

}  // namespace kv::kvsim
