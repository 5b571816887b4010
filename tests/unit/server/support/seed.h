#pragma once

#include <cstdint>
#include <cstdlib>
#include <random>

namespace kv::test {

// Of a random test: new each time, or KV_SEED to repeat one. CAPTURE it.
inline std::uint64_t seed() {
  const char* given = std::getenv("KV_SEED");
  return given != nullptr ? std::strtoull(given, nullptr, 10) : std::random_device{}();
}

}  // namespace kv::test
