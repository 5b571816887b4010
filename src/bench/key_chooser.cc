#include "bench/key_chooser.h"

#include "base/check.h"

namespace kv::bench {

KeyChooser::KeyChooser(Distribution distribution, std::uint32_t loaded)
    : distribution_(distribution), loaded_(loaded), zipf_(loaded) {}

// Each rank has a key of its own, as hashing alone would not give: the factor is a prime beyond
// every count of keys, so that multiplying by it modulo that count is a permutation.
std::uint32_t KeyChooser::scattered(std::uint32_t rank) const {
  constexpr std::uint64_t kPrime = 11'400'714'785'074'694'791u;
  return static_cast<std::uint32_t>(rank * (kPrime % loaded_) % loaded_);
}

std::uint32_t KeyChooser::choose(Random& random, std::uint32_t count) const {
  KV_CHECK(count >= loaded_);
  switch (distribution_) {
    case Distribution::kUniform:
      return random.below(count);
    case Distribution::kZipfian:
      return scattered(zipf_.choose(random));
    case Distribution::kLatest:
      return count - 1 - zipf_.choose(random);
  }
  return 0;
}

}  // namespace kv::bench
