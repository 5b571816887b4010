// What a replica that takes no writes has its clients told.

#include <utility>

#include <fmt/format.h>

#include "node/replica.h"

namespace kv::node {

namespace {

// How long an election takes, about; of the client's next attempt.
constexpr std::uint64_t kRetryMs = 200;

}  // namespace

// The fields are those of the reply. A node that leads and does not serve yet, or is about to hand
// over, knows nobody better.
Error Replica::not_leading() const {
  const format::Member* const member = find_member(core_->leader());
  const bool is_known =
      core_->leader() != core_->id() && member != nullptr && !member->client_address.empty();
  std::string text = is_known ? fmt::format("leader={} epoch={} that node leads",
                                            member->client_address, core_->term())
                              : fmt::format("leader=- epoch={} retry_ms={} {}", core_->term(),
                                            kRetryMs, why_nobody_leads());
  return {Errc::kNotLeader, std::move(text), {}};
}

std::string Replica::why_nobody_leads() const {
  const bool was_added = memberships_->latest().sequence > 0;
  if (!is_member() && !was_added) {
    return fmt::format("node {} waits to be added to its cluster by `kv cluster add`; ask a member",
                       static_cast<std::uint64_t>(self_.id));
  }
  if (!is_member()) return why_left_out();
  return obstacle_.empty() ? "nobody is known to lead" : obstacle_;
}

std::string Replica::why_left_out() const {
  return fmt::format("node {} was removed from its cluster, or its disk was wiped; ask a member",
                     static_cast<std::uint64_t>(self_.id));
}

void Replica::set_obstacle(std::string obstacle) {
  if (obstacle == obstacle_ || is_over()) return;
  obstacle_ = std::move(obstacle);
  if (leading_ == 0) pipeline().follow(not_leading());
}

}  // namespace kv::node
