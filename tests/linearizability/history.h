#pragma once

#include <cstdint>
#include <vector>

#include "tests/linearizability/operation.h"

namespace kv::linearizability {

// What clients saw, in any order. It begins with an empty store: what was there before is written
// down as PUTs that are called and return at time 0.
struct History {
  std::vector<Operation> operations;
  std::vector<std::uint64_t> leader_changes;  // when, by the clock of the operations
};

// What only a leader confirmed may be lost with it. An answer to a write with ack=local that a
// leader change followed becomes an unknown outcome, and what such a write told of the store
// (NOT_FOUND, CONFLICT) is forgotten.
void weaken_local(History& history);

}  // namespace kv::linearizability
