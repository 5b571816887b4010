#include "bench/histogram.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace kv::bench {

// The bucket of the 11 leading bits of `ns`; how far they are shifted is how often it was doubled.
std::size_t Histogram::bucket_of(std::uint64_t ns) {
  const int leading = static_cast<int>(std::bit_width(2 * kHalf - 1));
  const int shift = std::max(0, static_cast<int>(std::bit_width(ns)) - leading);
  return static_cast<std::size_t>(shift) * kHalf + (ns >> shift);
}

std::uint64_t Histogram::lowest_in(std::size_t bucket) {
  if (bucket < 2 * kHalf) return bucket;
  const std::size_t shift = bucket / kHalf - 1;
  return (bucket - shift * kHalf) << shift;
}

void Histogram::record(std::uint64_t ns) {
  const std::uint64_t value = std::min(ns, kHighest);
  counts_[bucket_of(value)] += 1;
  count_ += 1;
  min_ = std::min(min_, value);
  max_ = std::max(max_, value);
  sum_ += static_cast<double>(value);
}

void Histogram::add(const Histogram& other) {
  for (std::size_t i = 0; i < counts_.size(); ++i) counts_[i] += other.counts_[i];
  count_ += other.count_;
  min_ = std::min(min_, other.min_);
  max_ = std::max(max_, other.max_);
  sum_ += other.sum_;
}

double Histogram::mean() const { return count_ == 0 ? 0 : sum_ / static_cast<double>(count_); }

double Histogram::deviation() const {
  if (count_ == 0) return 0;
  double squares = 0;
  for (std::size_t i = 0; i < counts_.size(); ++i) {
    if (counts_[i] == 0) continue;
    const double middle = static_cast<double>(lowest_in(i) + highest_in(i)) / 2;
    squares += static_cast<double>(counts_[i]) * (middle - mean()) * (middle - mean());
  }
  return std::sqrt(squares / static_cast<double>(count_));
}

std::uint64_t Histogram::value_at(double share) const {
  // A share that was summed up may be a bit above what it stands for.
  constexpr double kNearly = 1 - 1e-12;
  const double wanted = std::ceil(share * static_cast<double>(count_) * kNearly);
  const auto rank = std::clamp<std::uint64_t>(static_cast<std::uint64_t>(wanted), 1,
                                              std::max<std::uint64_t>(count_, 1));
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < counts_.size(); ++i) {
    seen += counts_[i];
    if (seen >= rank) return std::min(highest_in(i), max_);
  }
  return 0;
}

std::uint64_t Histogram::count_up_to(std::uint64_t ns) const {
  std::uint64_t seen = 0;
  const std::size_t last = bucket_of(std::min(ns, kHighest));
  for (std::size_t i = 0; i <= last; ++i) seen += counts_[i];
  return seen;
}

}  // namespace kv::bench
