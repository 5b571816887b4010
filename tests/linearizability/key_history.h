#pragma once

#include <string>
#include <vector>

#include "tests/linearizability/history.h"
#include "tests/linearizability/register_model.h"

namespace kv::linearizability {

// All that concerns one key. Linearizability is local (Herlihy and Wing, "Linearizability: A
// Correctness Condition for Concurrent Objects", 1990, theorem 1): a history is linearizable if and
// only if the part of each object is. So each key is looked at alone, which makes large searches
// small.
struct KeyHistory {
  std::string key;
  std::vector<Part> parts;          // in the order of their calls
  std::vector<std::string> values;  // by number; 0 is none
};

// The keys in their order. Left out: what failed for certain, reads without an answer, reads that
// are not linearizable.
std::vector<KeyHistory> split_by_key(const History& history);

}  // namespace kv::linearizability
