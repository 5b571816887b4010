#include "cluster/successor.h"

#include <algorithm>
#include <tuple>

namespace kv::cluster {

std::uint64_t best_successor(const std::vector<Successor>& members,
                             std::chrono::microseconds silence) {
  const auto merits = [silence](const Successor& member) {
    return std::tuple(member.connected_for >= silence, member.durable, member.connected_for);
  };
  const auto best = std::ranges::max_element(members, {}, merits);
  return best == members.end() ? 0 : best->node_id;
}

bool are_all_silent(const std::vector<Successor>& members, std::chrono::microseconds silence) {
  return !members.empty() && std::ranges::all_of(members, [silence](const Successor& member) {
    return member.connected_for < silence;
  });
}

}  // namespace kv::cluster
