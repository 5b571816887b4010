#include "server/latency_histogram.h"

#include <algorithm>

namespace kv::server {

namespace {

// Below 4 ns each time has a bucket of its own; above, the two bits after the leading one choose.
constexpr unsigned kSubBits = 2;
constexpr std::uint64_t kSubCount = 1U << kSubBits;

}  // namespace

std::size_t LatencyHistogram::bucket_of(std::uint64_t ns) {
  if (ns < kSubCount) return static_cast<std::size_t>(ns);
  const auto shift = static_cast<unsigned>(std::bit_width(ns)) - 1 - kSubBits;
  const std::uint64_t bucket = (shift + 1) * kSubCount + ((ns >> shift) - kSubCount);
  return std::min(static_cast<std::size_t>(bucket), kBucketCount - 1);
}

std::uint64_t LatencyHistogram::upper_bound(std::size_t bucket) {
  if (bucket < kSubCount) return bucket + 1;
  const std::size_t shift = bucket / kSubCount - 1;
  return (bucket % kSubCount + kSubCount + 1) << shift;
}

void LatencyHistogram::add(std::chrono::nanoseconds time, std::uint64_t count) {
  auto& of_bucket =
      counts_[bucket_of(static_cast<std::uint64_t>(std::max<std::int64_t>(time.count(), 0)))];
  of_bucket.store(of_bucket.load(std::memory_order_relaxed) + count, std::memory_order_relaxed);
}

void LatencyHistogram::add_to(Counts& counts) const {
  for (std::size_t i = 0; i < kBucketCount; ++i) {
    counts[i] += counts_[i].load(std::memory_order_relaxed);
  }
}

std::chrono::nanoseconds LatencyHistogram::quantile(const Counts& counts, double quantile) {
  std::uint64_t total = 0;
  for (const std::uint64_t count : counts) total += count;
  if (total == 0) return {};
  const auto rank = static_cast<std::uint64_t>(static_cast<double>(total - 1) * quantile);
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < kBucketCount; ++i) {
    seen += counts[i];
    if (seen > rank) return std::chrono::nanoseconds(upper_bound(i));
  }
  return std::chrono::nanoseconds(upper_bound(kBucketCount - 1));
}

}  // namespace kv::server
