#pragma once

#include <algorithm>

#include "engine/read_pace.h"
#include "kv/verify.h"

namespace kv::engine {

// A rate, and somebody to tell how far it got, who may say stop. One thread.
class ToldPace final : public ReadPace {
 public:
  ToldPace(const VerifyOptions& options, std::uint64_t total)
      : options_(options), total_(total), rate_(options.rate_max) {}

  bool go_on(std::uint64_t bytes) override {
    done_ += bytes;
    if (options_.progress && !options_.progress(std::min(done_, total_), total_)) return false;
    return rate_.go_on(bytes);
  }

 private:
  const VerifyOptions& options_;
  const std::uint64_t total_;
  RatePace rate_;
  std::uint64_t done_ = 0;
};

}  // namespace kv::engine
