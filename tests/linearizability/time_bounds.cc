#include "tests/linearizability/time_bounds.h"

#include <algorithm>
#include <numeric>

#include "tests/linearizability/version_order.h"

namespace kv::linearizability {
namespace {

template <class Time>
std::vector<std::size_t> sorted_by(const std::vector<Part>& parts, Time time) {
  std::vector<std::size_t> order(parts.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, {}, [&](std::size_t part) { return parts[part].*time; });
  return order;
}

}  // namespace

TimeBounds::TimeBounds(const std::vector<Part>& parts)
    : low_(parts.size(), 0), high_(parts.size(), UINT64_MAX) {
  const auto by_call = sorted_by(parts, &Part::call_ns);
  const auto by_return = sorted_by(parts, &Part::return_ns);

  std::size_t latest = 0;  // whose place is `low`
  std::uint64_t low = 0;
  std::size_t returned = 0;
  for (const std::size_t part : by_call) {
    for (; parts[by_return[returned]].return_ns < parts[part].call_ns; ++returned) {
      const auto order = version_order(parts[by_return[returned]]);
      if (!order || *order <= low) continue;
      low = *order;
      latest = by_return[returned];
    }
    low_[part] = low;
    const auto order = version_order(parts[part]);
    if (order && *order < low && !clash_) clash_ = {latest, part};
  }

  std::uint64_t high = UINT64_MAX;
  std::size_t not_called = by_call.size();
  for (std::size_t i = by_return.size(); i-- > 0;) {
    const Part& part = parts[by_return[i]];
    for (; not_called > 0 && parts[by_call[not_called - 1]].call_ns > part.return_ns;
         --not_called) {
      high = std::min(high, version_order(parts[by_call[not_called - 1]]).value_or(UINT64_MAX));
    }
    high_[by_return[i]] = high;
  }
}

}  // namespace kv::linearizability
