#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>

namespace kv::server {

// What the whole server counts. Any thread.
struct Counters {
  static constexpr std::size_t kVerbs = 12;  // as protocol::Verb

  std::array<std::atomic<std::uint64_t>, kVerbs> requests{};
  std::atomic<std::uint64_t> refused{0};  // ERR replies of any kind
  std::atomic<std::uint64_t> bytes_in{0};
  std::atomic<std::uint64_t> bytes_out{0};
  std::atomic<std::uint64_t> connections{0};        // open now
  std::atomic<std::uint64_t> connections_total{0};  // accepted since start
  std::atomic<std::uint64_t> backpressure_memory{0};
  std::atomic<std::uint64_t> backpressure_inflight{0};  // times a socket was not read for a while
  std::atomic<std::uint64_t> backpressure_connections{0};
  std::atomic<std::uint64_t> slow_readers{0};
  std::atomic<std::uint64_t> read_timeouts{0};
  std::atomic<std::uint64_t> wrong_protocol{0};
  std::atomic<std::uint64_t> reads_deferred{
      0};  // left the reactor because they had to wait for the disk

  const std::chrono::steady_clock::time_point start = std::chrono::steady_clock::now();
};

// Bytes of payloads and large replies under way, in all connections. Any thread.
class MemoryBudget {
 public:
  explicit MemoryBudget(std::uint64_t bytes_max) : max_(bytes_max) {}

  // False: that would be too much, and nothing was taken. One request always fits an empty budget.
  bool take(std::uint64_t bytes) {
    const std::uint64_t before = used_.fetch_add(bytes, std::memory_order_relaxed);
    if (before == 0 || before + bytes <= max_) return true;
    used_.fetch_sub(bytes, std::memory_order_relaxed);
    return false;
  }
  // For what is there already.
  void add(std::uint64_t bytes) { used_.fetch_add(bytes, std::memory_order_relaxed); }
  void give_back(std::uint64_t bytes) { used_.fetch_sub(bytes, std::memory_order_relaxed); }
  std::uint64_t used() const { return used_.load(std::memory_order_relaxed); }
  bool is_full() const { return used() >= max_; }

 private:
  const std::uint64_t max_;
  std::atomic<std::uint64_t> used_{0};
};

}  // namespace kv::server
