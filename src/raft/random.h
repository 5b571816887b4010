#pragma once

#include <cstdint>

namespace kv::raft {

// Numbers for election timeouts (SplitMix64): a value like any other part of the core's state, so
// that a copy of the core goes the same way.
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}

  // 0 .. bound - 1; 0 for a bound of 0.
  std::uint64_t below(std::uint64_t bound) { return bound == 0 ? 0 : next() % bound; }
  std::uint64_t state() const { return state_; }

 private:
  std::uint64_t next() {
    state_ += 0x9e3779b97f4a7c15u;
    std::uint64_t mixed = state_;
    mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9u;
    mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111ebu;
    return mixed ^ (mixed >> 31);
  }

  std::uint64_t state_;
};

}  // namespace kv::raft
