#include "sim/network.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace kv::sim {

Network::Network(EventQueue& events, const NetworkOptions& options, std::size_t count,
                 std::uint64_t seed)
    : events_(events), options_(options), count_(count), random_(seed, 2), links_(count * count) {
  for (Link& way : links_) way.slower_by = random_.below(options.slow_link_max_us + 1);
}

void Network::send(std::size_t from, std::size_t to, std::function<void()> deliver) {
  if (link(from, to).cut_until > events_.now() || random_.chance(options_.loss_percent)) {
    return drop(from, to);
  }
  if (random_.chance(options_.duplicate_percent)) {
    plan(from, to, delay() + random_.below(options_.duplicate_delay_us + 1), deliver);
  }
  Time delay_us = delay() + link(from, to).slower_by;
  if (options_.keeps_order) {
    Time& last = link(from, to).last_arrival;
    last = std::max(last, events_.now() + delay_us);
    delay_us = last - events_.now();
  }
  plan(from, to, delay_us, std::move(deliver));
}

void Network::drop(std::size_t from, std::size_t to) const {
  if (on_drop) on_drop(from, to);
}

Time Network::delay() {
  constexpr std::uint64_t kSteps = 1 << 20;
  const double chance = static_cast<double>(random_.below(kSteps) + 1) / kSteps;
  return options_.delay_min_us +
         static_cast<Time>(-std::log(chance) * static_cast<double>(options_.delay_mean_us));
}

void Network::plan(std::size_t from, std::size_t to, Time delay, std::function<void()> deliver) {
  events_.after(delay, [this, from, to, deliver = std::move(deliver)]() mutable {
    arrive(from, to, std::move(deliver));
  });
}

void Network::arrive(std::size_t from, std::size_t to, std::function<void()> deliver) {
  const Link& way = link(from, to);
  if (way.cut_until > events_.now()) return drop(from, to);
  if (way.clogged_until > events_.now()) {
    return plan(from, to, way.clogged_until - events_.now(), std::move(deliver));
  }
  deliver();
}

void Network::cut(std::size_t from, std::size_t to, Time duration) {
  link(from, to).cut_until = std::max(link(from, to).cut_until, events_.now() + duration);
}

void Network::clog(std::size_t from, std::size_t to, Time duration) {
  link(from, to).clogged_until = std::max(link(from, to).clogged_until, events_.now() + duration);
}

void Network::heal(const NetworkOptions& options) {
  options_ = options;
  for (Link& way : links_) way.slower_by = way.cut_until = way.clogged_until = 0;
}

}  // namespace kv::sim
