#include "bench/zipf.h"

#include <algorithm>
#include <cmath>

namespace kv::bench {

double zeta(std::uint64_t count, double theta) {
  // So many terms are added; the sum of the others is Euler's and Maclaurin's integral, which is
  // right to ten digits there and takes no time for a billion keys.
  constexpr std::uint64_t kAdded = 10'000;
  double sum = 0;
  const std::uint64_t added = std::min(count, kAdded);
  for (std::uint64_t i = added; i >= 1; --i) sum += std::pow(static_cast<double>(i), -theta);
  if (count <= kAdded) return sum;
  const auto from = static_cast<double>(kAdded);
  const auto to = static_cast<double>(count);
  sum += (std::pow(to, 1 - theta) - std::pow(from, 1 - theta)) / (1 - theta);
  return sum + (std::pow(to, -theta) - std::pow(from, -theta)) / 2;
}

Zipf::Zipf(std::uint32_t count)
    : count_(count), zeta_(zeta(count, kTheta)), second_(zeta(2, kTheta)) {
  eta_ = (1 - std::pow(2.0 / count, 1 - kTheta)) / (1 - second_ / zeta_);
}

std::uint32_t Zipf::choose(Random& random) const {
  const double unit = random.unit();
  const double scaled = unit * zeta_;
  if (scaled < 1 || count_ == 1) return 0;
  if (scaled < second_ || count_ == 2) return 1;
  const double rank = count_ * std::pow(eta_ * unit - eta_ + 1, 1 / (1 - kTheta));
  return static_cast<std::uint32_t>(std::min(rank, count_ - 1.0));
}

}  // namespace kv::bench
