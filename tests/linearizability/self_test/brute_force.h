#pragma once

#include "tests/linearizability/history.h"

namespace kv::linearizability {

// The definition itself, for a few operations of one key: tries every order, every choice of
// unknown writes that take effect, and every version that a write which tells none can have. Shares
// nothing with the checker but the operations.
bool has_order(const History& history);

}  // namespace kv::linearizability
