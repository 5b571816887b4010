#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <string>

#include "bench/histogram.h"
#include "bench/judge.h"
#include "bench/workload.h"

namespace kv::bench {

// What became of the requests of one run, or of one thread's part. One thread.
struct Tally {
  struct Line {
    Histogram times;             // of all that were answered, but for the next
    std::uint64_t unserved = 0;  // no leader took it, or it was lost with one
    std::uint64_t missing = 0;   // Outcome
    std::uint64_t wrong = 0;
    std::uint64_t refused = 0;
    std::uint64_t errors() const { return missing + wrong + refused; }
  };

  std::array<Line, kOperationCount> lines;
  std::uint64_t unsent = 0;    // of an open loop: due, but no connection was free before the end
  std::string first_refusal;   // as the server said it
  std::string first_wrong;     // what was wrong, for people
  std::string first_unserved;  // why; not empty if there was any, in the warm-up, too
  std::chrono::nanoseconds gap_max{0};   // the longest without an answer while the leader was lost
  std::uint32_t value_min = UINT32_MAX;  // sizes of the values that reads were answered with
  std::uint32_t value_max = 0;

  Line& line(Operation operation) { return lines[static_cast<std::size_t>(operation)]; }
  const Line& line(Operation operation) const { return lines[static_cast<std::size_t>(operation)]; }
  void add(const Tally& other);
  // All operations in one.
  Line total() const;
};

}  // namespace kv::bench
