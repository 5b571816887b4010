#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

namespace kv::sim {

// Simulated time, in microseconds since the simulation began. The true one: nodes see it through a
// NodeClock.
using Time = std::uint64_t;
inline constexpr Time kMillisecond = 1'000;
inline constexpr Time kSecond = 1'000'000;

// What is going to happen, by time; at equal times in the order in which it was planned. One
// thread; nothing in it depends on anything but what was planned.
class EventQueue {
 public:
  using Action = std::function<void()>;

  Time now() const { return now_; }
  std::uint64_t done() const { return done_; }
  bool is_empty() const { return events_.empty(); }
  // Of the next; there is one.
  Time next_time() const { return events_.front().time; }
  std::uint64_t next_order() const { return events_.front().order; }

  void after(Time delay, Action action) {
    events_.push_back({now_ + delay, planned_++, std::move(action)});
    std::ranges::push_heap(events_, Later());
  }
  void run_next() {
    std::ranges::pop_heap(events_, Later());
    const Event event = std::move(events_.back());
    events_.pop_back();
    now_ = event.time;
    done_ += 1;
    event.action();
  }
  // What was planned never happens.
  void forget() { events_.clear(); }

 private:
  struct Event {
    Time time = 0;
    std::uint64_t order = 0;
    Action action;
  };
  struct Later {
    bool operator()(const Event& left, const Event& right) const {
      return std::pair(left.time, left.order) > std::pair(right.time, right.order);
    }
  };

  Time now_ = 0;
  std::uint64_t planned_ = 0;
  std::uint64_t done_ = 0;
  std::vector<Event> events_;  // a heap
};

}  // namespace kv::sim
