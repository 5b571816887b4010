#pragma once

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "tests/linearizability/register_model.h"

namespace kv::linearizability {

// What the times of a key's operations say of their place among those whose version is known
// (version_order.h).
class TimeBounds {
 public:
  explicit TimeBounds(const std::vector<Part>& parts);

  // The greatest place of what returned before `part` was called (0: none), and the least of what
  // was called after it returned (UINT64_MAX: none).
  std::pair<std::uint64_t, std::uint64_t> of(std::size_t part) const {
    return {low_[part], high_[part]};
  }
  // Two operations: the first returned before the second was called, and has a later place.
  std::optional<std::pair<std::size_t, std::size_t>> first_clash() const { return clash_; }

 private:
  std::vector<std::uint64_t> low_;
  std::vector<std::uint64_t> high_;
  std::optional<std::pair<std::size_t, std::size_t>> clash_;
};

}  // namespace kv::linearizability
