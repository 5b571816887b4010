#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>

namespace kv::engine {

// Asked after each piece of a long read; may wait, to keep a rate. Any thread.
class ReadPace {
 public:
  virtual ~ReadPace() = default;
  // `bytes` were read. False: stop now.
  virtual bool go_on(std::uint64_t bytes) = 0;
};

// At most `rate` bytes a second (0: no limit), until stop(). What was not used while nobody read is
// not made up for.
class RatePace final : public ReadPace {
 public:
  explicit RatePace(std::uint64_t rate) : rate_(rate) {}
  bool go_on(std::uint64_t bytes) override;
  void stop();

 private:
  using Clock = std::chrono::steady_clock;
  const std::uint64_t rate_;

  // Guarded by mutex_.
  std::mutex mutex_;
  std::condition_variable stopped_;
  Clock::time_point paid_until_{};
  bool is_stopped_ = false;
};

}  // namespace kv::engine
