#include "tests/linearizability/history.h"

#include <algorithm>

namespace kv::linearizability {

void weaken_local(History& history) {
  if (history.leader_changes.empty()) return;
  const std::uint64_t last = *std::ranges::max_element(history.leader_changes);
  for (Operation& operation : history.operations) {
    if (!operation.is_local || !operation.is_write() || operation.call_ns > last) continue;
    if (operation.is_done()) {
      operation.outcome = Operation::Outcome::kUnknown;
    } else if (!operation.is_unknown()) {
      operation.outcome = Operation::Outcome::kFailed;
      operation.version.reset();
    }
  }
}

}  // namespace kv::linearizability
