#pragma once

#include <string>
#include <vector>

#include "tests/linearizability/key_history.h"

namespace kv::linearizability {

struct BatchFinding {
  std::string what;
  std::vector<std::size_t> operations;  // places in the history
};

// All or nothing, which a look at single keys cannot see: once one key of a batch was seen as the
// batch left it, or later, no key of it is found as it was before. Needs the version of the batch;
// of one with an unknown outcome that is what a read told of a value which nothing else wrote. It
// relies on one log with one sequence behind all keys of a batch.
std::vector<BatchFinding> check_batches(const History& history,
                                        const std::vector<KeyHistory>& keys);

}  // namespace kv::linearizability
