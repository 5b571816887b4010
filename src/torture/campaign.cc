#include "torture/campaign.h"

#include <thread>
#include <vector>

#include "torture/explorer.h"
#include "torture/random_life.h"
#include "torture/rot.h"
#include "torture/script.h"

namespace kv::torture {

std::optional<Finding> Campaign::run(const std::function<void(const CampaignProgress&)>& show) {
  constexpr std::chrono::milliseconds kShowEvery{500};
  jobs_left_ = options_.jobs;
  scripts_left_ = options_.has_scripts ? scripts().size() * options_.jobs : 0;
  std::vector<std::jthread> threads;
  for (std::uint64_t job = 0; job < options_.jobs; ++job) {
    threads.emplace_back([this, job] {
      work(job);
      const std::lock_guard lock(mutex_);
      jobs_left_ -= 1;
      done_.notify_all();
    });
  }
  std::unique_lock lock(mutex_);
  while (!done_.wait_for(lock, kShowEvery, [this] { return jobs_left_ == 0; })) {
    if (is_over()) is_stopped_ = true;
    lock.unlock();
    show(progress());
    lock.lock();
  }
  return finding_;
}

CampaignProgress Campaign::progress() const {
  return {cuts_, scripts_left_, seeds_done_, operations_};
}

bool Campaign::is_over() const {
  return is_stopped_ || (options_.duration && Clock::now() - start_ >= *options_.duration);
}

void Campaign::keep(std::optional<Finding> finding) {
  if (!finding) return;
  is_stopped_ = true;
  const std::lock_guard lock(mutex_);
  if (!finding_) finding_ = std::move(finding);
}

void Campaign::work(std::uint64_t job) {
  if (options_.has_scripts) explore(job);
  live();
}

void Campaign::explore(std::uint64_t job) {
  for (const Script& script : scripts()) {
    Explorer::Settings settings;
    settings.part = job;
    settings.parts = options_.jobs;
    settings.stride = options_.stride;
    settings.is_stopped = &is_stopped_;
    settings.starts = &cuts_;
    Explorer explorer(script, settings);
    keep(explorer.cut_everywhere());
    if (!is_stopped_) keep(explorer.cut_starts_everywhere());
    if (is_stopped_) return;
    scripts_left_ -= 1;
  }
  if (job == 0) keep(explore_rot());
}

void Campaign::live() {
  while (!is_over()) {
    const std::uint64_t index = next_seed_++;
    if (options_.seeds > 0 && index >= options_.seeds) return;
    std::uint64_t operations = 0;
    keep(live_by_seed(options_.seed + index, operations));
    operations_ += operations;
    seeds_done_ += 1;
  }
}

}  // namespace kv::torture
