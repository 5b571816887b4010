// A say of others in who campaigns, and what they go by: see Core::set_may_campaign().

#include <algorithm>

#include "raft/core.h"

namespace kv::raft {

// What campaign() or a hand-over began before has come to nothing.
void Core::stop_at_gate() {
  if (role_ != Role::kFollower) become_follower(hard_.term, kNoNode);
  waits_at_gate_ = true;
}

// A pre-vote that is under way ends, as nobody has promised anything yet; of an election that has
// begun the votes may be on their way.
void Core::set_may_campaign(bool may_campaign) {
  if (is_gate_open_ == may_campaign) return;
  is_gate_open_ = may_campaign;
  if (!may_campaign && role_ == Role::kPreCandidate) stop_at_gate();
}

bool Core::wants_to_lead() const {
  if (role_ == Role::kPreCandidate || role_ == Role::kCandidate) return true;
  return role_ == Role::kFollower && waits_at_gate_ && may_campaign();
}

bool Core::is_refused() const {
  if (role_ != Role::kPreCandidate && role_ != Role::kCandidate) return false;
  const Config& config = configs_.latest();
  const auto refused = std::ranges::count_if(config.voters, [&](NodeId node) {
    const auto vote = votes_.find(node);
    return vote != votes_.end() && !vote->second;
  });
  return config.voters.size() - static_cast<std::size_t>(refused) < config.majority();
}

}  // namespace kv::raft
