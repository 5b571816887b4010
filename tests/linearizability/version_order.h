#pragma once

#include <cstdint>
#include <optional>

#include "tests/linearizability/register_model.h"

namespace kv::linearizability {

// Where the version that an answer told puts an operation among the others of its key: a write of
// version N at 2 N, what found it at 2 N + 1. nullopt: it says nothing.
inline std::optional<std::uint64_t> version_order(const Part& part) {
  if (part.is_unknown() || !part.version || *part.version == 0) return std::nullopt;
  return 2 * *part.version + (part.is_write_done() ? 0 : 1);
}

}  // namespace kv::linearizability
