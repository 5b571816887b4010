#pragma once

#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

#include "io/sim_random.h"
#include "sim/event_queue.h"

namespace kv::sim {

struct DiskOptions {
  Time latency_min_us = 0;
  Time latency_max_us = 0;
  std::uint64_t stall_permille = 0;  // of the syncs
  Time stall_max_us = 0;
};

// One file's synced writes: they finish in order, and those that come in during a sync share the
// next one. What a sync has done is told only after it is over.
class DiskQueue {
 public:
  DiskQueue(EventQueue& events, const DiskOptions& options, std::uint64_t seed,
            std::uint64_t variant)
      : events_(events), options_(options), random_(seed, variant) {}

  void set_options(const DiskOptions& options) { options_ = options; }
  void write(std::function<void()> done) {
    waiting_.push_back(std::move(done));
    if (!is_syncing_) sync();
  }
  // The machine stops: what was under way is never told of.
  void forget() {
    life_ += 1;
    waiting_.clear();
    is_syncing_ = false;
  }

 private:
  void sync() {
    is_syncing_ = true;
    Time latency = options_.latency_min_us +
                   random_.below(options_.latency_max_us - options_.latency_min_us + 1);
    if (random_.below(1000) < options_.stall_permille) {
      latency += random_.below(options_.stall_max_us);
    }
    events_.after(latency, [this, life = life_, group = std::exchange(waiting_, {})] {
      if (life != life_) return;
      is_syncing_ = false;
      for (const auto& done : group) done();
      if (life == life_ && !is_syncing_ && !waiting_.empty()) sync();
    });
  }

  EventQueue& events_;
  DiskOptions options_;
  io::SimRandom random_;
  std::vector<std::function<void()>> waiting_;
  bool is_syncing_ = false;
  std::uint64_t life_ = 0;
};

}  // namespace kv::sim
