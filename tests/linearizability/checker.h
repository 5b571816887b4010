#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tests/linearizability/history.h"
#include "tests/linearizability/search.h"

namespace kv::linearizability {

struct CheckOptions {
  std::uint64_t steps_max = 5'000'000;  // of the search, for each key; then it is unknown
};

struct Finding {
  std::string key;   // empty: of several keys
  std::string what;  // lines, the first one says it, the others show the operations
};

struct Report {
  Verdict verdict = Verdict::kLinearizable;  // a violation, else an unknown key, decides
  std::vector<Finding> violations;
  std::vector<std::string> unknown_keys;
  std::size_t keys = 0;
  std::size_t operations = 0;
  std::uint64_t steps = 0;
};

// Whether clients saw what one copy of kv would have shown them, each request taking effect at once
// at some time between call and return. Two looks at each key, the one by versions
// (version_check.h) and the one that searches for an order (search.h); and what concerns several
// keys: batches, and the promises of weaker reads. Answers to ack=local are weakened as
// weaken_local() says.
Report check(History history, const CheckOptions& options = {});

// "LINEARIZABLE", "VIOLATION" or "UNKNOWN" with figures, then the findings.
std::string describe(const Report& report);

}  // namespace kv::linearizability
