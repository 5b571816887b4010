#pragma once

#include <chrono>
#include <cstdint>

namespace kv::cli {

// A line on a terminal's stderr that tells how far a transfer is: records, rate, share and time
// left. Prints nothing when stderr is no terminal.
class Progress {
 public:
  // `total_bytes` 0: unknown.
  Progress(std::uint64_t total_bytes, bool is_quiet);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  void show(std::uint64_t records, std::uint64_t bytes);
  // Takes the line away, so that something else can be printed.
  void clear();

 private:
  using Clock = std::chrono::steady_clock;
  const std::uint64_t total_bytes_;
  const bool is_shown_;
  const Clock::time_point start_ = Clock::now();
  Clock::time_point last_ = start_;
};

}  // namespace kv::cli
