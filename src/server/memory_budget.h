#pragma once

#include <atomic>
#include <cstdint>

namespace kv::server {

// Bytes that all connections together may hold. Any thread.
class MemoryBudget {
 public:
  explicit MemoryBudget(std::uint64_t size_max) : size_max_(size_max) {}

  std::uint64_t used() const { return used_.load(std::memory_order_relaxed); }
  std::uint64_t size_max() const { return size_max_; }
  bool is_exhausted() const { return used() >= size_max_; }

 private:
  friend class MemoryLease;
  const std::uint64_t size_max_;
  std::atomic<std::uint64_t> used_{0};
};

// One connection's share of a budget. Taken and given back in steps, so that small requests touch
// no shared memory. One thread at a time; gives everything back at its end.
class MemoryLease {
 public:
  // A step. Less is held without being counted.
  static constexpr std::uint64_t kStep = 16 * 1024;

  explicit MemoryLease(MemoryBudget& budget) : budget_(budget) {}
  ~MemoryLease() { hold(0); }
  MemoryLease(const MemoryLease&) = delete;
  MemoryLease& operator=(const MemoryLease&) = delete;

  // May the budget be exceeded when nobody else holds any of it? Otherwise one request that is
  // larger than the budget would be refused for ever.
  enum class Alone { kWithinBudget, kAnySize };
  // Holds `size` bytes from now on, if they are to be had; otherwise nothing changes.
  [[nodiscard]] bool try_hold(std::uint64_t size, Alone alone = Alone::kWithinBudget);
  // The same for memory that is already taken.
  void hold(std::uint64_t size);
  // Holds what the other one did, of the same budget, besides its own.
  void take_over(MemoryLease& other);

 private:
  MemoryBudget& budget_;
  std::uint64_t held_ = 0;  // a multiple of kStep
};

}  // namespace kv::server
