#pragma once

#include <algorithm>
#include <cstdint>

namespace kv::raft {

// A moment on both of a node's clocks, in microseconds: one that counts time in which the machine
// was suspended (CLOCK_BOOTTIME), one that no adjustment bends (CLOCK_MONOTONIC_RAW). The core has
// no clock; whoever drives it reads them.
struct Instant {
  std::uint64_t boot_us = 0;
  std::uint64_t raw_us = 0;
  friend bool operator==(const Instant&, const Instant&) = default;
};

namespace detail {
constexpr std::uint64_t since(std::uint64_t then, std::uint64_t now) {
  return now > then ? now - then : 0;
}
}  // namespace detail

// The two readings of "how long ago", rule L2: who relies on a promise takes the longer one, who
// keeps a promise the shorter one, so that a clock that errs only costs time.
constexpr std::uint64_t longest_us(const Instant& then, const Instant& now) {
  return std::max(detail::since(then.boot_us, now.boot_us), detail::since(then.raw_us, now.raw_us));
}
constexpr std::uint64_t shortest_us(const Instant& then, const Instant& now) {
  return std::min(detail::since(then.boot_us, now.boot_us), detail::since(then.raw_us, now.raw_us));
}

}  // namespace kv::raft
