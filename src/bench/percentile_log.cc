#include "bench/percentile_log.h"

#include <cmath>

#include <fmt/format.h>

namespace kv::bench {

namespace {

constexpr double kTicksPerHalving = 5;

double ms(double ns) { return ns / 1e6; }

// The share behind `share`: five steps take half of what is left.
double next_share(double share) {
  const double halvings = std::floor(std::log2(1 / (1 - share))) + 1;
  return share + 1 / (kTicksPerHalving * std::exp2(halvings));
}

}  // namespace

std::string percentile_log(const Histogram& histogram) {
  std::string out = fmt::format("{:>12} {:>14} {:>10} {:>14}\n\n", "Value", "Percentile",
                                "TotalCount", "1/(1-Percentile)");
  double share = 0;
  std::uint64_t count = 0;
  while (count < histogram.count()) {
    const std::uint64_t value = histogram.value_at(share);
    count = histogram.count_up_to(value);
    if (count == histogram.count()) break;
    out += fmt::format("{:12.6f} {:2.12f} {:10d} {:14.2f}\n", ms(static_cast<double>(value)), share,
                       count, 1 / (1 - share));
    share = next_share(share);
  }
  if (count > 0) {
    out += fmt::format("{:12.6f} {:2.12f} {:10d}\n", ms(static_cast<double>(histogram.max())), 1.0,
                       count);
  }
  out += fmt::format("#[Mean    = {:12.6f}, StdDeviation   = {:12.6f}]\n", ms(histogram.mean()),
                     ms(histogram.deviation()));
  out += fmt::format("#[Max     = {:12.6f}, Total count    = {:12d}]\n",
                     ms(static_cast<double>(histogram.max())), histogram.count());
  out += fmt::format("#[Buckets = {:12d}, SubBuckets     = {:12d}]\n", Histogram::kDoublings,
                     2 * Histogram::kHalf);
  return out;
}

}  // namespace kv::bench
