#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace kv::sim {

// How far the search goes. Everything is tried that fits: messages in any order, lost, or left
// lying for ever; disks that finish or not; crashes in between.
struct Scope {
  std::size_t nodes = 3;
  std::size_t elections = 2;  // campaigns that begin, by whichever node at whichever moment
  std::size_t records = 1;    // proposals, beside the leaders' own records
  std::size_t crashes = 0;
  bool has_slow_disks = false;  // completions come at any later moment, or at once
  std::size_t states_max = 1'000'000;
};

struct Findings {
  std::size_t states = 0;
  std::size_t depth = 0;
  bool is_complete = false;  // nothing was left out for states_max
  std::optional<std::string> problem;
  std::vector<std::string> steps;  // that lead to it, as few as can be
};

// Breadth first through every state that a cluster of real cores can reach within the scope.
// Promises and timeouts are left out: campaigns begin by TimeoutNow, as a transfer would begin
// them, at the worst moments that there are. Held against Election Safety, Log Matching, Leader
// Completeness, State Machine Safety and one vote per term.
Findings search(const Scope& scope);

}  // namespace kv::sim
