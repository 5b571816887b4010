#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

#include "io/sim_random.h"
#include "sim/event_queue.h"

namespace kv::sim {

struct NetworkOptions {
  Time delay_min_us = 0;
  Time delay_mean_us = 0;  // on top, exponential
  std::uint64_t loss_percent = 0;
  std::uint64_t duplicate_percent = 0;
  Time duplicate_delay_us = 0;  // at most; a duplicate may come much later
  bool keeps_order = false;     // of what goes over one link, as TCP does
  Time slow_link_max_us = 0;    // each direction of each link is slower by up to that, for good
};

// Links between machines 0 .. count - 1, one for each direction. What goes over one comes once,
// late, twice, out of order or not at all; while a link is cut nothing comes, while it is clogged
// everything waits. A message is whatever `deliver` does on arrival.
class Network {
 public:
  Network(EventQueue& events, const NetworkOptions& options, std::size_t count, std::uint64_t seed);

  void send(std::size_t from, std::size_t to, std::function<void()> deliver);

  // Nothing comes for so long, or everything waits.
  void cut(std::size_t from, std::size_t to, Time duration);
  void clog(std::size_t from, std::size_t to, Time duration);
  // All links are like that from now on, and nobody is cut off any more; what waits comes.
  void heal(const NetworkOptions& options);
  std::size_t count() const { return count_; }
  // Told of what does not come, when it is sent or when it would have come.
  std::function<void(std::size_t from, std::size_t to)> on_drop;

 private:
  struct Link {
    Time slower_by = 0;
    Time cut_until = 0;
    Time clogged_until = 0;
    Time last_arrival = 0;
  };
  Link& link(std::size_t from, std::size_t to) { return links_[from * count_ + to]; }
  Time delay();
  void drop(std::size_t from, std::size_t to) const;
  void plan(std::size_t from, std::size_t to, Time delay, std::function<void()> deliver);
  void arrive(std::size_t from, std::size_t to, std::function<void()> deliver);

  EventQueue& events_;
  NetworkOptions options_;
  const std::size_t count_;
  io::SimRandom random_;
  std::vector<Link> links_;
};

}  // namespace kv::sim
