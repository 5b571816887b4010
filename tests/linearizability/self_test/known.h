#pragma once

#include <string>

#include "tests/linearizability/checker.h"

namespace kv::linearizability {

// A history written by hand: its story, and the lines of history_file.h.
struct Known {
  std::string story;
  std::string lines;
};

History history_of(const Known& known);
// The worst of all keys, by the search alone.
Verdict verdict_of_search(const History& history);

// Checks it, once more as if the server told no versions.
void expect_good(const Known& known);
enum class Shown { kByValues, kByVersions };
void expect_bad(const Known& known, Shown shown);

}  // namespace kv::linearizability
