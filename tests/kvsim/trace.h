#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/checksum.h"
#include "sim/event_queue.h"
#include "sim/trace.h"

namespace kv::kvsim {

// All that happened in a run, in order, folded into a hash after each event: the messages with
// their bytes, what the disks were asked for, what became of the machines. Two runs of a seed are
// one run if they have the same hashes, and part with the first event that has another one.
class RunTrace {
 public:
  // Of that event what happens is kept in words, too. Event 0 is all before the first one.
  explicit RunTrace(std::optional<std::size_t> told_event)
      : told_event_(told_event), trace_(told_event ? SIZE_MAX : 0) {}

  // Before the event runs that is next.
  void begin(const sim::EventQueue& events) {
    pass();
    now_ = events.next_time();
    note("event", events.next_order(), now_);
  }
  template <class... Values>
  void note(const char* what, Values... values) {
    fold(std::string_view(what));
    (fold(values), ...);
    if (told_event_ != hashes_.size()) return;
    trace_.say(now_, [&] {
      std::string text = what;
      ((text += fmt::format(" {}", values)), ...);
      return text;
    });
  }
  // What is noted from now on counts as one more event.
  void pass() { hashes_.push_back(trace_.hash()); }
  // One for each event, beginning with 0.
  const std::vector<std::uint64_t>& hashes() const { return hashes_; }
  const std::deque<std::string>& lines() const { return trace_.lines(); }

 private:
  void fold(std::uint64_t value) { trace_.digest().add(value); }
  void fold(std::string_view text) { trace_.digest().add(base::crc32c(text)); }

  const std::optional<std::size_t> told_event_;
  sim::Trace trace_;
  sim::Time now_ = 0;
  std::vector<std::uint64_t> hashes_;
};

}  // namespace kv::kvsim
