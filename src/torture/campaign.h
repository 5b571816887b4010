#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>

#include "torture/finding.h"

namespace kv::torture {

struct CampaignOptions {
  std::uint64_t seed = 1;   // the first
  std::uint64_t seeds = 0;  // how many; 0: until the time is over
  std::optional<std::chrono::milliseconds> duration;
  std::uint64_t jobs = 1;    // threads
  bool has_scripts = true;   // first the fixed scripts, cut off everywhere
  std::uint64_t stride = 1;  // of the scripts' operations whose next start is cut off, too
};

struct CampaignProgress {
  std::uint64_t cuts = 0;  // starts after a script was cut off
  std::uint64_t scripts_left = 0;
  std::uint64_t seeds = 0;
  std::uint64_t operations = 0;  // changes of the disk in the lives of the seeds
};

// Looks for a crash or failure after which the store breaks a promise: in the scripts everywhere,
// then in one random life after the other.
class Campaign {
 public:
  explicit Campaign(const CampaignOptions& options) : options_(options) {}

  // Returns the first finding; none when all seeds or the time are done, or after stop(). `show` is
  // called about twice a second, from the calling thread.
  std::optional<Finding> run(const std::function<void(const CampaignProgress&)>& show);
  CampaignProgress progress() const;
  // From any thread, and from signal handlers.
  void stop() { is_stopped_ = true; }

 private:
  void work(std::uint64_t job);
  void explore(std::uint64_t job);
  void live();
  bool is_over() const;
  void keep(std::optional<Finding> finding);

  using Clock = std::chrono::steady_clock;
  const CampaignOptions options_;
  const Clock::time_point start_ = Clock::now();
  std::atomic<bool> is_stopped_{false};
  std::atomic<std::uint64_t> next_seed_{0};
  std::atomic<std::uint64_t> cuts_{0};
  std::atomic<std::uint64_t> scripts_left_{0};
  std::atomic<std::uint64_t> seeds_done_{0};
  std::atomic<std::uint64_t> operations_{0};
  std::atomic<std::uint64_t> jobs_left_{0};

  std::mutex mutex_;
  std::condition_variable done_;
  std::optional<Finding> finding_;  // guarded by mutex_
};

}  // namespace kv::torture
