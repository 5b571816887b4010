#pragma once

#include <string>

#include "bench/histogram.h"

namespace kv::bench {

// The percentile distribution of a histogram as HdrHistogram prints it (.hgrm), for its plotter and
// those that read the same: values in milliseconds, five lines for each halving of the distance to
// 100 %.
std::string percentile_log(const Histogram& histogram);

}  // namespace kv::bench
