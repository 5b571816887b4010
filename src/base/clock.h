#pragma once

#include <chrono>
#include <ctime>

#include "base/check.h"

namespace kv::base {

// Since some moment in the past, by one of the system's clocks. Never fails for those that the
// kernel has.
inline std::chrono::nanoseconds time_of(clockid_t clock) {
  timespec time{};
  KV_CHECK(::clock_gettime(clock, &time) == 0);
  return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

}  // namespace kv::base
