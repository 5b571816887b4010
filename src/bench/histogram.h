#pragma once

#include <cstdint>
#include <vector>

namespace kv::bench {

// Times in nanoseconds, counted in the layout of an HDR histogram (Gil Tene) with three significant
// digits up to an hour: 2048 buckets of 1 ns, then for each doubling 1024 buckets twice as wide, so
// that a bucket is never wider than a thousandth of what it holds. A longer time counts as an hour.
// One thread; several each have their own, added up in the end. Recording allocates nothing.
class Histogram {
 public:
  static constexpr std::uint64_t kHighest = 3'600'000'000'000;  // an hour
  static constexpr std::uint32_t kHalf = 1024;                  // buckets of one doubling
  static constexpr std::uint32_t kDoublings = 32;               // 2048 << 31 is beyond an hour

  Histogram() : counts_((kDoublings + 1) * kHalf) {}

  void record(std::uint64_t ns);
  void add(const Histogram& other);

  std::uint64_t count() const { return count_; }
  std::uint64_t min() const { return count_ == 0 ? 0 : min_; }  // exact, as max and mean are
  std::uint64_t max() const { return max_; }
  double mean() const;
  double deviation() const;
  // The value that `share` (0 to 1) of all are at or below: the highest of its bucket, but never
  // above max(); 0 without any.
  std::uint64_t value_at(double share) const;
  // How many are in the bucket of `ns` and below.
  std::uint64_t count_up_to(std::uint64_t ns) const;

  static std::size_t bucket_of(std::uint64_t ns);
  static std::uint64_t lowest_in(std::size_t bucket);
  static std::uint64_t highest_in(std::size_t bucket) { return lowest_in(bucket + 1) - 1; }

 private:
  std::vector<std::uint64_t> counts_;
  std::uint64_t count_ = 0;
  std::uint64_t min_ = UINT64_MAX;
  std::uint64_t max_ = 0;
  double sum_ = 0;
};

}  // namespace kv::bench
