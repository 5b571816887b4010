#pragma once

#include <cstdint>

#include "tests/linearizability/history.h"

namespace kv::linearizability {

struct RandomHistoryOptions {
  std::size_t clients = 4;
  std::size_t keys = 3;
  std::size_t operations = 60;
  std::uint64_t pause_max_ns = 6;    // between an answer and the client's next request
  std::uint64_t length_max_ns = 12;  // of a request
  double unknown_share = 0.1;
  double delete_share = 0.15;
  bool has_batches = true;
  bool has_unique_values = true;
};

// What clients see of one true store, in which each request takes effect at a random time between
// its call and its return; an unknown one at some time after its call, or never. So it is
// linearizable, and the batches in it are whole. Times often coincide.
History random_history(std::uint64_t seed, const RandomHistoryOptions& options);

}  // namespace kv::linearizability
