#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

namespace kv::cli {

// How far a transfer is, in one line: a bar and the time left where the share that is done is
// known, the number of records and the rate of bytes.
std::string progress_line(std::uint64_t records, std::uint64_t bytes, double seconds,
                          std::optional<double> share);

// The same of a merge, in bytes read and written.
std::string merge_line(std::uint64_t done, std::uint64_t total, double seconds);

// Such a line on a terminal's stderr, drawn again as the transfer goes on. Prints nothing when
// stderr is no terminal.
class Progress {
 public:
  explicit Progress(bool is_quiet);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  // `share`: the part that is done, 0 to 1.
  void show(std::uint64_t records, std::uint64_t bytes, std::optional<double> share);
  void show_merge(std::uint64_t bytes_done, std::uint64_t bytes_total);
  // Takes the line away, so that something else can be printed.
  void clear();

 private:
  using Clock = std::chrono::steady_clock;
  bool is_due();  // at most ten times a second
  void draw(const std::string& line);
  double seconds() const;
  const bool is_shown_;
  bool is_drawn_ = false;
  const Clock::time_point start_ = Clock::now();
  Clock::time_point last_ = start_;
};

}  // namespace kv::cli
