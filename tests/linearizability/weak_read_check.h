#pragma once

#include <string>
#include <vector>

#include "tests/linearizability/key_history.h"

namespace kv::linearizability {

struct WeakReadFinding {
  std::string key;
  std::string what;
  std::vector<std::size_t> operations;  // places in the history
};

// Reads that need not be linearizable, where their answers tell versions. Any of them must find
// what was written with that version, and was so before it returned; one of a session also nothing
// older than the newest version that its client had been told before, on whatever key: of the key's
// writes up to that one it must find the last or a later one.
std::vector<WeakReadFinding> check_weak_reads(const History& history,
                                              const std::vector<KeyHistory>& keys);

}  // namespace kv::linearizability
