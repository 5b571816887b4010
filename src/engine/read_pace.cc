#include "engine/read_pace.h"

#include <algorithm>

namespace kv::engine {

bool RatePace::go_on(std::uint64_t bytes) {
  std::unique_lock lock(mutex_);
  if (rate_ > 0 && !is_stopped_) {
    const auto cost =
        std::chrono::duration<double>(static_cast<double>(bytes) / static_cast<double>(rate_));
    paid_until_ =
        std::max(paid_until_, Clock::now()) + std::chrono::duration_cast<Clock::duration>(cost);
    stopped_.wait_until(lock, paid_until_, [this] { return is_stopped_; });
  }
  return !is_stopped_;
}

void RatePace::stop() {
  const std::lock_guard lock(mutex_);
  is_stopped_ = true;
  stopped_.notify_all();
}

}  // namespace kv::engine
