#pragma once

#include <cstdint>
#include <vector>

#include "tests/linearizability/key_history.h"

namespace kv::linearizability {

enum class Verdict { kLinearizable, kViolation, kUnknown };

struct SearchResult {
  Verdict verdict = Verdict::kUnknown;
  // Of a linearizable one an order, places in KeyHistory::parts, and what the key holds then.
  // Unknown writes are in it where they are needed.
  std::vector<std::size_t> order;
  RegisterState state;
  std::uint64_t steps = 0;
};

// Looks for an order of the operations of one key that a register could have had, in which what
// returned before another was called stands in front of it. Decides it, or gives up after
// `steps_max` operations that were tried: kUnknown.
SearchResult search(const KeyHistory& history, std::uint64_t steps_max);

}  // namespace kv::linearizability
