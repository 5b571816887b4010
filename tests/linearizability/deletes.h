#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "tests/linearizability/register_model.h"

namespace kv::linearizability {

// The deletes of one key: what NOT_FOUND says of versions.
class Deletes {
 public:
  explicit Deletes(const std::vector<Part>& parts);

  // The greatest version that a delete called by then can have; 0: none was called, UINT64_MAX: one
  // whose version is not known.
  Version latest_called_by(std::uint64_t time_ns) const;

 private:
  std::vector<std::pair<std::uint64_t, Version>> by_call_;  // the greatest up to there
};

}  // namespace kv::linearizability
