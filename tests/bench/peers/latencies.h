#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <vector>

namespace kv::bench {

// Every latency that was measured, exactly. One thread.
class Latencies {
 public:
  void add(std::chrono::steady_clock::duration took) {
    microseconds_.push_back(std::chrono::duration<float, std::micro>(took).count());
  }
  void add(const Latencies& other) {
    microseconds_.insert(microseconds_.end(), other.microseconds_.begin(),
                         other.microseconds_.end());
  }
  std::size_t count() const { return microseconds_.size(); }
  // In microseconds; 0 when there are none.
  double at(double share) {
    if (microseconds_.empty()) return 0;
    const auto place = static_cast<std::ptrdiff_t>(share * static_cast<double>(count() - 1));
    std::nth_element(microseconds_.begin(), microseconds_.begin() + place, microseconds_.end());
    return static_cast<double>(microseconds_[static_cast<std::size_t>(place)]);
  }

 private:
  std::vector<float> microseconds_;
};

}  // namespace kv::bench
