#include "bench/driver.h"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "base/check.h"
#include "bench/target_native.h"
#include "bench/target_resp.h"

namespace kv::bench {

namespace {

std::unique_ptr<const Target> make_target(const DriverOptions& options) {
  const KeyNames names(options.key_size);
  if (options.protocol == Protocol::kResp) return std::make_unique<TargetResp>(names);
  return std::make_unique<TargetNative>(names, options.sync);
}

// The part of `total` that falls to the one of `count` with this index; all parts make the total.
std::uint64_t part_of(std::uint64_t total, std::size_t index, std::size_t count) {
  return total / count + (index < total % count ? 1 : 0);
}

double seconds_between(Clock::time_point from, Clock::time_point to) {
  return std::chrono::duration<double>(to - from).count();
}

// Threads that end at different times, and one that waits for all.
class Latch {
 public:
  explicit Latch(std::size_t count) : left_(count) {}
  void arrive() {
    const std::lock_guard lock(mutex_);
    left_ -= 1;
    changed_.notify_all();
  }
  // False: not all have arrived within `time`.
  bool wait_for(std::chrono::milliseconds time) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, time, [this] { return left_ == 0; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::size_t left_;  // guarded by mutex_
};

}  // namespace

Result<std::unique_ptr<Driver>> Driver::connect(const DriverOptions& options,
                                                const ValueSizes& sizes) {
  KV_CHECK(options.keys >= 1 && options.keys <= DriverOptions::kKeysMax);
  KV_CHECK(options.threads >= 1 && options.clients >= options.threads);
  std::unique_ptr<Driver> driver(new Driver(options, sizes));
  for (std::uint32_t i = 0; i < options.threads; ++i) {
    // Values differ from those of the requests' own random numbers.
    auto worker = std::make_unique<Worker>(*driver->target_, driver->sizes_, options.timeout,
                                           ~(options.seed + i));
    if (options.find_leader) worker->follow(driver->leader_, options.patience);
    const auto connections = part_of(options.clients, i, options.threads);
    if (auto opened = worker->open(options.address, static_cast<std::uint32_t>(connections));
        !opened) {
      return tl::unexpected(std::move(opened).error());
    }
    driver->workers_.push_back(std::move(worker));
  }
  return driver;
}

Driver::Driver(const DriverOptions& options, const ValueSizes& sizes)
    : options_(options),
      sizes_(sizes),
      target_(make_target(options)),
      leader_(options.address, options.find_leader) {}

Driver::~Driver() = default;

void Driver::stop() {
  for (const auto& worker : workers_) worker->stop();
}

RunResult Driver::drive(std::vector<std::unique_ptr<RequestSource>> sources,
                        const std::vector<Schedule>& schedules, const Show& show) {
  const std::size_t count = sources.size();
  std::vector<Tally> tallies(count);
  std::vector<Result<void>> results(count);
  Latch latch(count);
  std::vector<std::thread> threads;
  const auto start = Clock::now();
  for (std::size_t i = 0; i < count; ++i) {
    threads.emplace_back([&, i] {
      results[i] = workers_[i]->run(*sources[i], schedules[i], tallies[i]);
      if (!results[i]) stop();
      latch.arrive();
    });
  }
  while (!latch.wait_for(std::chrono::milliseconds(100))) {
    RunProgress progress{};
    for (const auto& worker : workers_) {
      progress.answered += worker->answered();
      progress.bytes_sent += worker->bytes_sent();
    }
    if (!show(progress)) stop();
  }
  for (std::thread& thread : threads) thread.join();
  RunResult result;
  const auto end = Clock::now();
  result.seconds = seconds_between(std::max(start, schedules.front().count_from), end);
  for (std::size_t i = 0; i < count; ++i) {
    if (!results[i] && !result.failure) result.failure = std::move(results[i]).error();
    result.tally.add(tallies[i]);
  }
  return result;
}

Result<bool> Driver::is_loaded() {
  std::vector<std::unique_ptr<RequestSource>> sources;
  sources.push_back(std::make_unique<SampleSource>(options_.keys));
  const auto result =
      drive(std::move(sources), {Schedule()}, [](const RunProgress&) { return true; });
  if (result.failure) return tl::unexpected(*result.failure);
  const Tally& tally = result.tally;
  if (!tally.first_refusal.empty()) {
    return tl::unexpected(Error{Errc::kServer, tally.first_refusal, {}});
  }
  return tally.first_wrong.empty() && tally.value_min >= sizes_.min() &&
         tally.value_max <= sizes_.max();
}

Result<RunResult> Driver::load(const RunOptions& options, const Show& show) {
  // Deep enough that the server writes many at once, and bounded in bytes.
  constexpr std::uint32_t kPipeline = 64;
  constexpr std::uint32_t kBytes = 1024 * 1024;
  const std::uint32_t affordable = kBytes / (sizes_.max() + 1);
  Schedule schedule;
  schedule.pipeline = std::max(options.pipeline, std::clamp(affordable, 1u, kPipeline));
  std::atomic<std::uint64_t> next_key = 0;
  std::vector<std::unique_ptr<RequestSource>> sources;
  for (std::size_t i = 0; i < workers_.size(); ++i) {
    sources.push_back(std::make_unique<LoadSource>(next_key, options_.keys));
  }
  auto result = drive(std::move(sources), std::vector<Schedule>(workers_.size(), schedule), show);
  if (result.failure) return tl::unexpected(std::move(*result.failure));
  return result;
}

RunResult Driver::run(const Workload& workload, const RunOptions& options, const Show& show) {
  const KeyChooser chooser(workload.distribution, options_.keys);
  InsertedKeys inserted(options_.keys);
  std::vector<std::unique_ptr<RequestSource>> sources;
  std::vector<Schedule> schedules;
  const auto start = Clock::now();
  const std::size_t count = workers_.size();
  for (std::size_t i = 0; i < count; ++i) {
    sources.push_back(std::make_unique<MixSource>(workload, chooser, inserted, options_.seed + i));
    Schedule schedule;
    schedule.pipeline = options.pipeline;
    schedule.count_from = start + options.warmup;
    if (options.operations > 0) {
      schedule.operations_max = part_of(options.operations, i, count);
    } else {
      schedule.end = schedule.count_from + options.duration;
    }
    if (options.rate > 0) {
      // The threads take turns.
      schedule.interval_ns = 1e9 * static_cast<double>(count) / options.rate;
      schedule.first =
          start + std::chrono::nanoseconds(static_cast<std::int64_t>(
                      schedule.interval_ns * static_cast<double>(i) / static_cast<double>(count)));
    }
    schedules.push_back(schedule);
  }
  return drive(std::move(sources), schedules, show);
}

}  // namespace kv::bench
