#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "tests/linearizability/key_history.h"

namespace kv::linearizability {

// Why no order explains the operations of a key, for people: the shortest beginning of the history
// that none does, and an order of what stands in front of its end.
struct DeadEnd {
  // These are places in the history.
  std::size_t stuck = 0;               // the operation whose return ends that beginning
  std::vector<std::size_t> last;       // what comes last in the order, oldest first; a few
  std::vector<std::size_t> under_way;  // writes called by then, and not in the order
  std::size_t before = 0;              // how many are in the order
  RegisterState state;                 // what the key holds behind them
};

// Of a history that search() found none for. What did not return by the end of a beginning is
// unknown there. Searches some more beginnings, each within `steps_max`; nullopt: not found with
// that.
std::optional<DeadEnd> find_dead_end(const KeyHistory& history, std::uint64_t steps_max);

}  // namespace kv::linearizability
