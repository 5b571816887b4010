#include "server/memory_budget.h"

#include <utility>

namespace kv::server {

bool MemoryLease::try_hold(std::uint64_t size, Alone alone) {
  const std::uint64_t wanted = size / kStep * kStep;
  if (wanted > held_) {
    const std::uint64_t more = wanted - held_;
    const std::uint64_t before = budget_.used_.fetch_add(more, std::memory_order_relaxed);
    const bool is_excused = alone == Alone::kAnySize && before == held_;
    if (before + more > budget_.size_max_ && !is_excused) {
      budget_.used_.fetch_sub(more, std::memory_order_relaxed);
      return false;
    }
    held_ = wanted;
    return true;
  }
  hold(size);
  return true;
}

void MemoryLease::hold(std::uint64_t size) {
  const std::uint64_t wanted = size / kStep * kStep;
  // Unsigned arithmetic wraps, so that one addition serves both ways.
  if (wanted != held_) budget_.used_.fetch_add(wanted - held_, std::memory_order_relaxed);
  held_ = wanted;
}

void MemoryLease::take_over(MemoryLease& other) { held_ += std::exchange(other.held_, 0); }

}  // namespace kv::server
