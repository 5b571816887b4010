#include "cluster/lag_clock.h"

#include <algorithm>

namespace kv::cluster {

void LagClock::note(std::uint64_t last, std::uint64_t bytes, Time now) {
  // Rolled back: what was longer is no mark any more.
  while (!samples_.empty() && samples_.back().last > last) samples_.pop_back();
  const bool is_same = !samples_.empty() && samples_.back().last == last;
  if (is_same) return;
  // The first of a step stays: it tells when the log grew beyond what it was before.
  if (samples_.size() >= 2 && now - samples_[samples_.size() - 1].time < kStep) {
    samples_.back().last = last;
    samples_.back().bytes = bytes;
    return;
  }
  samples_.push_back({now, last, bytes});
  while (samples_.size() > 2 && now - samples_.front().time > kKept) samples_.pop_front();
}

LagClock::Lag LagClock::behind(std::uint64_t sequence, Time now) const {
  if (samples_.empty() || sequence >= samples_.back().last) return {};
  const auto beyond =
      std::ranges::find_if(samples_, [=](const Sample& sample) { return sample.last > sequence; });
  const Sample& before = beyond == samples_.begin() ? *beyond : *std::prev(beyond);
  const Sample& end = samples_.back();
  return {end.last - sequence, end.bytes - std::min(before.bytes, end.bytes), now - beyond->time};
}

}  // namespace kv::cluster
