#pragma once

#include <array>
#include <atomic>
#include <bit>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace kv::server {

// How long requests took: counts per bucket, four buckets for each doubling of the time, so that a
// quantile is at most a quarter too high. One thread adds, any thread reads.
class LatencyHistogram {
 public:
  static constexpr std::size_t kBucketCount = 160;
  using Counts = std::array<std::uint64_t, kBucketCount>;

  void add(std::chrono::nanoseconds time, std::uint64_t count = 1);
  void add_to(Counts& counts) const;

  // Where the `quantile` (0..1) of `counts` lies: the upper bound of its bucket; 0 without any.
  static std::chrono::nanoseconds quantile(const Counts& counts, double quantile);

 private:
  // Bucket b holds times below upper_bound(b) and not below upper_bound(b - 1).
  static std::size_t bucket_of(std::uint64_t ns);
  static std::uint64_t upper_bound(std::size_t bucket);

  std::array<std::atomic<std::uint64_t>, kBucketCount> counts_{};
};

}  // namespace kv::server
