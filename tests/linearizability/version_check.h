#pragma once

#include <optional>
#include <string>
#include <vector>

#include "tests/linearizability/key_history.h"

namespace kv::linearizability {

// Operations that no order explains, in short.
struct Clash {
  std::string what;
  std::vector<std::size_t> parts;  // places in KeyHistory::parts
};

// The cheap look at one key, in O(n log n): as answers tell versions, the order of most operations
// is known, and only has to agree with their times, values and conditions. What it finds is wrong
// for certain; it does not find everything, as unknown outcomes and NOT_FOUND have no version.
std::optional<Clash> check_versions(const KeyHistory& history);

// No two operations of the whole history got the same version (a batch is one).
std::optional<std::string> check_versions_differ(const History& history);

}  // namespace kv::linearizability
