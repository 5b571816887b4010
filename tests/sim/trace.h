#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "raft/digest.h"
#include "sim/event_queue.h"

namespace kv::sim {

// What happened, folded into 64 bits: two runs of a seed are the same run if these are. Also keeps
// the last lines in words, when asked to.
class Trace {
 public:
  explicit Trace(std::size_t lines_max) : lines_max_(lines_max) {}

  raft::Digest& digest() { return digest_; }
  std::uint64_t hash() const { return digest_.value(); }

  // `text` makes the line; called only if lines are kept.
  template <class Text>
  void say(Time now, Text text) {
    if (lines_max_ == 0) return;
    lines_.push_back(fmt::format("{:>11.3f} ms  {}", static_cast<double>(now) / 1000, text()));
    if (lines_.size() > lines_max_) lines_.pop_front();
  }
  const std::deque<std::string>& lines() const { return lines_; }

 private:
  const std::size_t lines_max_;
  raft::Digest digest_;
  std::deque<std::string> lines_;
};

}  // namespace kv::sim
