#pragma once

#include <chrono>
#include <cstdint>

namespace kv::engine {

// What the store's files hold.
struct MergeUse {
  std::uint64_t total_bytes = 0;
  std::uint64_t live_bytes = 0;
};

// How fast merges may go, and when writers have to wait for them: a proportional controller. The
// dead bytes allowed are live * (space_target - 1); `debt` is their share in use.
//
//   debt     0.8 starts merging at the lowest rate, 1.0 is where the highest is reached
//   above 1.6  writers are slowed: each sync waits, the longer the more is owed
//   above 3.0  puts are refused with TRY_LATER until merges have caught up
//
// (While the data is small, writers are judged as if 64 MiB of dead bytes were allowed: they outrun
// any merge for a moment, and it does no harm. And they are judged by the most live bytes of the
// last minute or so: deleting most of the data is no reason to stop who writes.)
//
// While requests take more than twice as long as they did without a merge, the rate falls to a
// tenth, step by step; not when the debt is 1.0 or more. Needs no clock but the one it is given.
// One thread at a time.
class MergeBudget {
 public:
  using Clock = std::chrono::steady_clock;
  struct Settings {
    double space_target = 1.5;                        // > 1
    std::uint64_t rate_max = 256 * 1024 * 1024;       // bytes read and written a second
    std::uint64_t dead_bytes_min = 16 * 1024 * 1024;  // less is never worth a merge
  };
  explicit MergeBudget(const Settings& settings) : settings_(settings) {}

  void note_use(const MergeUse& use);
  // Mean time a write takes at the moment, and whether a merge is under way.
  void note_latency(std::chrono::microseconds latency, bool is_merging);

  double debt() const { return debt_; }
  bool wants_merge() const;
  bool refuses_writes() const { return strain_ > kRefuseAt; }
  std::chrono::microseconds write_delay() const;
  std::uint64_t rate() const;  // bytes a second; at least 1 MiB

  // A merge begins: it owes nothing for what others did.
  void begin_work(Clock::time_point now);
  // How long to wait after `bytes` were read and written, to keep `rate` (0: no limit). The time
  // since the last call has paid for work at that rate; so whoever waits in pieces, with no bytes,
  // follows a rate that changes.
  Clock::duration wait_after(std::uint64_t bytes, std::uint64_t rate, Clock::time_point now);

 private:
  static constexpr double kStartAt = 0.8;
  static constexpr double kFullAt = 1.0;
  static constexpr double kSlowAt = 1.6;
  static constexpr double kRefuseAt = 3.0;

  const Settings settings_;
  double debt_ = 0;
  double strain_ = 0;     // the debt as writers feel it
  double live_peak_ = 0;  // bytes; falls by a thousandth with each note_use()
  bool has_enough_dead_ = false;
  double calm_ = 1.0;               // share of the rate that request latency allows
  double baseline_latency_us_ = 0;  // without a merge
  double owed_bytes_ = 0;           // read and written, and not paid for with time
  Clock::time_point paid_at_{};     // the last call of wait_after()
};

}  // namespace kv::engine
