#include "engine/merge_budget.h"

#include <algorithm>
#include <utility>

namespace kv::engine {

namespace {

constexpr double kRateMin = 1024 * 1024;
constexpr double kStrainBytesMin = 64 * 1024 * 1024;
constexpr double kCalmMin = 0.1;
// Latency is judged with this much play: half a scheduler's tick.
constexpr double kLatencyPlayUs = 500;
constexpr std::chrono::microseconds kWriteDelayMax{20'000};
// Unused time is not saved up: a burst would be as bad as no limit.
constexpr std::chrono::milliseconds kBurst{1};

}  // namespace

void MergeBudget::note_use(const MergeUse& use) {
  const std::uint64_t dead =
      use.total_bytes > use.live_bytes ? use.total_bytes - use.live_bytes : 0;
  const double allowed = static_cast<double>(use.live_bytes) * (settings_.space_target - 1);
  const auto dead_bytes = static_cast<double>(dead);
  debt_ = dead_bytes / std::max(allowed, static_cast<double>(settings_.dead_bytes_min));
  live_peak_ = std::max(static_cast<double>(use.live_bytes), 0.999 * live_peak_);
  strain_ = dead_bytes / std::max(live_peak_ * (settings_.space_target - 1), kStrainBytesMin);
  has_enough_dead_ = dead >= settings_.dead_bytes_min;
}

bool MergeBudget::wants_merge() const { return has_enough_dead_ && debt_ > kStartAt; }

void MergeBudget::note_latency(std::chrono::microseconds latency, bool is_merging) {
  const auto now = static_cast<double>(latency.count());
  if (!is_merging) {
    baseline_latency_us_ = baseline_latency_us_ == 0 ? now : 0.8 * baseline_latency_us_ + 0.2 * now;
    calm_ = std::min(1.0, calm_ * 1.1);
    return;
  }
  const bool is_high = now > 2 * baseline_latency_us_ + kLatencyPlayUs;
  calm_ = is_high ? std::max(kCalmMin, calm_ * 0.7) : std::min(1.0, calm_ * 1.1);
}

std::chrono::microseconds MergeBudget::write_delay() const {
  if (strain_ <= kSlowAt) return std::chrono::microseconds(0);
  const double share = std::min(1.0, (strain_ - kSlowAt) / (kRefuseAt - kSlowAt));
  return std::chrono::microseconds(
      static_cast<std::int64_t>(share * static_cast<double>(kWriteDelayMax.count())));
}

std::uint64_t MergeBudget::rate() const {
  const double share = std::clamp((debt_ - kStartAt) / (kFullAt - kStartAt), 0.0, 1.0);
  const double wanted = share * static_cast<double>(settings_.rate_max);
  return static_cast<std::uint64_t>(std::max(kRateMin, debt_ >= kFullAt ? wanted : wanted * calm_));
}

void MergeBudget::begin_work(Clock::time_point now) {
  owed_bytes_ = 0;
  paid_at_ = now;
}

MergeBudget::Clock::duration MergeBudget::wait_after(std::uint64_t bytes, std::uint64_t rate,
                                                     Clock::time_point now) {
  const std::chrono::duration<double> passed = now - std::exchange(paid_at_, now);
  if (rate == 0) {
    owed_bytes_ = 0;
    return {};
  }
  const auto per_second = static_cast<double>(rate);
  const double burst = per_second * std::chrono::duration<double>(kBurst).count();
  owed_bytes_ = std::max(owed_bytes_ - passed.count() * per_second, -burst);
  owed_bytes_ += static_cast<double>(bytes);
  const std::chrono::duration<double> wait(std::max(0.0, owed_bytes_ / per_second));
  return std::chrono::duration_cast<Clock::duration>(wait);
}

}  // namespace kv::engine
