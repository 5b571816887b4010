#pragma once

#include <chrono>
#include <cstdint>
#include <vector>

namespace kv::cluster {

// A member that a leader could hand over to.
struct Successor {
  std::uint64_t node_id = 0;
  std::uint64_t durable = 0;                   // sequence up to which it has the log on its disk
  std::chrono::microseconds connected_for{0};  // how long it has been reached without a break
};

// Who takes over soonest; 0: there is none. That is who has most of the log, but rather one that
// has been there for `silence`: who has just started takes part in no election for so long (raft
// rule E5), and everybody would wait for the one that follows when the hand-over failed.
std::uint64_t best_successor(const std::vector<Successor>& members,
                             std::chrono::microseconds silence);

// There are some, and all of them have just started: it is better to wait.
bool are_all_silent(const std::vector<Successor>& members, std::chrono::microseconds silence);

}  // namespace kv::cluster
