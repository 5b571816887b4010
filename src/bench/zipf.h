#pragma once

#include <cstdint>

#include "bench/random.h"

namespace kv::bench {

// Ranks from 0 on, below `count`: rank r comes with a chance that falls as 1 / (r + 1)^0.99, the
// constant of YCSB. The method is that of Gray et al., "Quickly Generating Billion-Record Synthetic
// Databases" (1994). Constant after construction.
class Zipf {
 public:
  static constexpr double kTheta = 0.99;

  // `count` is not 0.
  explicit Zipf(std::uint32_t count);
  std::uint32_t choose(Random& random) const;

 private:
  std::uint32_t count_;
  double zeta_;
  double second_;  // zeta of 2
  double eta_;
};

// The sum of 1 / i^theta for i from 1 to `count`.
double zeta(std::uint64_t count, double theta);

}  // namespace kv::bench
