#pragma once

#include <cstdint>

#include "bench/random.h"
#include "bench/workload.h"
#include "bench/zipf.h"

namespace kv::bench {

// Which key a request asks for, by its number. Constant after construction.
class KeyChooser {
 public:
  // `loaded` keys, not 0, are there before the run.
  KeyChooser(Distribution distribution, std::uint32_t loaded);

  // Below `count`, the number of keys that are there by now, never less than were loaded.
  std::uint32_t choose(Random& random, std::uint32_t count) const;

 private:
  std::uint32_t scattered(std::uint32_t rank) const;

  const Distribution distribution_;
  const std::uint32_t loaded_;
  const Zipf zipf_;
};

}  // namespace kv::bench
