#pragma once

#include <cstdint>
#include <random>

namespace kv::io {

// The same numbers for the same seed, everywhere: the standard fixes what the engine gives, but not
// what its distributions make of that.
class SimRandom {
 public:
  explicit SimRandom(std::uint64_t seed) : engine_(seed) {}
  // One stream of its own for each pair.
  SimRandom(std::uint64_t seed, std::uint64_t variant)
      : engine_((seed + 1) * 0x9e3779b97f4a7c15u ^ variant) {}

  // 0 .. bound - 1; 0 for a bound of 0.
  std::uint64_t below(std::uint64_t bound) { return bound == 0 ? 0 : engine_() % bound; }
  bool chance(std::uint64_t percent) { return below(100) < percent; }

 private:
  std::mt19937_64 engine_;
};

}  // namespace kv::io
