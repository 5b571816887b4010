// What merges cost those who read and write. Overwrites a set of keys several times, at a fixed
// rate and with as many reads, and prints disk use over live bytes and the write amplification.
// Then goes on at half the rate while merges are paused and resumed every few seconds, and prints
// the latencies of both side by side: in turns, because machines have better and worse minutes.
// Latencies are from the intended start of each request, so that waiting counts. What a GET finds
// on the disk and not in memory is read by a thread of its own, as the server does, and counted
// apart: some systems empty their page cache of what was not asked for lately.
//   merge_load [keys] [value bytes] [times over] [uniform|zipfian] [requests a second]
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <condition_variable>
#include <cstdlib>
#include <deque>
#include <filesystem>
#include <mutex>
#include <random>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include <fmt/format.h>

#include "kv/store.h"
#include "tests/support/scratch_dir.h"

namespace {

using Clock = std::chrono::steady_clock;

struct Load {
  std::uint64_t keys = 2'000'000;
  std::size_t value_size = 100;
  double times_over = 5;
  bool is_zipfian = false;
  double rate = 100'000;
};

// Zipf with theta 0.99 as in Gray et al., "Quickly Generating Billion-Record Synthetic Databases",
// 1994, scattered over the key space.
class Zipf {
 public:
  explicit Zipf(std::uint64_t count) : count_(count) {
    for (std::uint64_t i = 1; i <= count; ++i)
      zeta_ += 1.0 / std::pow(static_cast<double>(i), kTheta);
    const double zeta2 = 1.0 + std::pow(0.5, kTheta);
    eta_ = (1 - std::pow(2.0 / static_cast<double>(count), 1 - kTheta)) / (1 - zeta2 / zeta_);
  }
  std::uint64_t operator()(std::mt19937_64& random) const {
    const double u = std::uniform_real_distribution<>(0, 1)(random);
    const double uz = u * zeta_;
    std::uint64_t rank = 0;
    if (uz >= 1) {
      rank = uz < 1 + std::pow(0.5, kTheta)
                 ? 1
                 : static_cast<std::uint64_t>(static_cast<double>(count_) *
                                              std::pow(eta_ * u - eta_ + 1, 1 / (1 - kTheta)));
    }
    return rank * 0x9e3779b97f4a7c15ULL % count_;
  }

 private:
  static constexpr double kTheta = 0.99;
  std::uint64_t count_;
  double zeta_ = 0;
  double eta_ = 0;
};

std::string key_of(std::uint64_t number) { return fmt::format("key:{:012}", number); }

struct Latencies {
  std::vector<float> microseconds;
  void add(Clock::duration took) {
    microseconds.push_back(std::chrono::duration<float, std::micro>(took).count());
  }
  float at(double share) {
    if (microseconds.empty()) return 0;
    std::sort(microseconds.begin(), microseconds.end());
    return microseconds[static_cast<std::size_t>(share *
                                                 static_cast<double>(microseconds.size() - 1))];
  }
};

// Requests while merges were paused, or while one was under way.
struct Latency {
  Latencies gets;
  Latencies puts;
  Latencies cold;  // GETs of what was not in memory
};

// Reads what is not in memory, so that nobody else waits for the disk.
class ColdReader {
 public:
  explicit ColdReader(const kv::Store& store) : store_(store) {}
  void add(std::string key, Clock::time_point due, Latencies* latencies) {
    const std::lock_guard lock(mutex_);
    waiting_.push_back({std::move(key), due, latencies});
    changed_.notify_one();
  }

 private:
  struct Read {
    std::string key;
    Clock::time_point due;
    Latencies* latencies;
  };
  void run(const std::stop_token& stop) {
    std::unique_lock lock(mutex_);
    while (changed_.wait(lock, stop, [this] { return !waiting_.empty(); })) {
      const Read read = std::move(waiting_.front());
      waiting_.pop_front();
      lock.unlock();
      const auto got = store_.get(read.key);
      if (!got || !*got) std::abort();
      if (read.latencies != nullptr) read.latencies->add(Clock::now() - read.due);
      lock.lock();
    }
  }

  const kv::Store& store_;
  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::deque<Read> waiting_;
  std::jthread thread_{[this](const std::stop_token& stop) { run(stop); }};
};

struct Outcome {
  Latency overwriting;
  Latency paused;
  Latency merging;
  double space_max = 0;  // disk / live, after the first time over, while overwriting
  double space_end = 0;
  kv::MergeStats merge;
  std::uint64_t user_bytes = 0;
  std::uint64_t refused = 0;
  double seconds = 0;
};

void fill(kv::Store& store, const Load& load) {
  kv::Batch batch;
  const std::string value(load.value_size, 'v');
  for (std::uint64_t i = 0; i < load.keys; ++i) {
    batch.put(key_of(i), value);
    if (batch.operations().size() < 1000 && i + 1 < load.keys) continue;
    if (!store.write(batch)) std::abort();
    batch = {};
  }
}

// One thread of requests, every other one a put, until `is_over`. `latency` says where each is
// counted; null: nowhere.
template <class IsOver, class LatencyNow>
void drive(kv::Store& store, const Load& load, const Zipf& zipf, double rate, Outcome& out,
           IsOver is_over, LatencyNow latency) {
  std::mt19937_64 random(7);
  const std::string value(load.value_size, 'w');
  ColdReader cold(store);
  const auto start = Clock::now();
  for (std::uint64_t i = 0; !is_over(i); ++i) {
    const auto due = start + std::chrono::duration_cast<Clock::duration>(
                                 std::chrono::duration<double>(static_cast<double>(i) / rate));
    while (Clock::now() < due) {
      if (due - Clock::now() > std::chrono::microseconds(200))
        std::this_thread::sleep_for(std::chrono::microseconds(100));
    }
    const std::string key = key_of(load.is_zipfian ? zipf(random) : random() % load.keys);
    Latency* const counted = latency();
    if (i % 2 == 0) {
      if (!store.put(key, value)) {
        ++out.refused;
        continue;
      }
      if (counted != nullptr) counted->puts.add(Clock::now() - due);
      out.user_bytes += key.size() + value.size();
    } else {
      const auto got = store.get(key, kv::ReadMode::kNoWait);
      if (!got && got.error().code == kv::Errc::kWouldBlock) {
        cold.add(key, due, counted == nullptr ? nullptr : &counted->cold);
        continue;
      }
      if (!got || !*got) std::abort();
      if (counted != nullptr) counted->gets.add(Clock::now() - due);
    }
  }
}

void overwrite(kv::Store& store, const Load& load, const Zipf& zipf, Outcome& out) {
  const auto start = Clock::now();
  std::jthread watch([&](const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      std::this_thread::sleep_for(std::chrono::milliseconds(200));
      const auto stats = store.stats();
      out.space_end = static_cast<double>(stats.disk_bytes) / static_cast<double>(stats.live_bytes);
      if (stats.writes > 2 * load.keys) out.space_max = std::max(out.space_max, out.space_end);
    }
  });
  const auto puts = static_cast<std::uint64_t>(load.times_over * static_cast<double>(load.keys));
  drive(
      store, load, zipf, load.rate, out, [&](std::uint64_t i) { return i >= 2 * puts; },
      [&] { return &out.overwriting; });
  watch.request_stop();
  watch.join();
  out.seconds = std::chrono::duration<double>(Clock::now() - start).count();
  out.merge = store.stats().merge;
}

void compare(kv::Store& store, const Load& load, const Zipf& zipf, Outcome& out) {
  constexpr std::chrono::seconds kTurn{3};
  constexpr int kTurns = 30;
  std::atomic<Latency*> counted{nullptr};
  std::atomic<bool> is_over{false};
  const std::jthread turns([&] {
    for (int turn = 0; turn < kTurns; ++turn) {
      const bool pauses = turn % 2 == 0;
      pauses ? store.pause_merges() : store.resume_merges();
      const auto end = Clock::now() + kTurn;
      while (Clock::now() < end) {
        const bool merges = store.stats().merge.state == kv::MergeState::kMerging;
        counted = pauses ? &out.paused : merges ? &out.merging : nullptr;
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
      }
    }
    is_over = true;
  });
  drive(
      store, load, zipf, load.rate / 2, out, [&](std::uint64_t) { return is_over.load(); },
      [&] { return counted.load(); });
}

void print(const char* name, Latency& latency) {
  fmt::print("{:12} {:9.0f} {:9.0f} {:9.0f} {:9.0f} {:9.0f} {:9.0f} {:10} {:9} {:9.0f}\n", name,
             latency.gets.at(0.5), latency.gets.at(0.99), latency.gets.at(0.999),
             latency.puts.at(0.5), latency.puts.at(0.99), latency.puts.at(0.999),
             latency.gets.microseconds.size() + latency.puts.microseconds.size(),
             latency.cold.microseconds.size(), latency.cold.at(0.5));
}

void print(Outcome& out) {
  fmt::print(
      "overwriting {:.0f} s: disk {:.2f} x live at most, {:.2f} at the end; {} merges, write "
      "amplification {:.2f}, {} writes refused\n",
      out.seconds, out.space_max, out.space_end, out.merge.merges,
      1 + static_cast<double>(out.merge.bytes_written) / static_cast<double>(out.user_bytes),
      out.refused);
  fmt::print("{:12} {:>9} {:>9} {:>9} {:>9} {:>9} {:>9} {:>10} {:>9} {:>9}\n", "us", "get p50",
             "p99", "p99.9", "put p50", "p99", "p99.9", "requests", "from disk", "p50");
  print("overwriting", out.overwriting);
  print("paused", out.paused);
  print("merging", out.merging);
  const auto ratio = [&](Latencies Latency::*kind, double share) {
    return (out.merging.*kind).at(share) / (out.paused.*kind).at(share);
  };
  fmt::print("{:12} {:9.2f} {:9.2f} {:9.2f} {:9.2f} {:9.2f} {:9.2f}\n", "ratio",
             ratio(&Latency::gets, 0.5), ratio(&Latency::gets, 0.99), ratio(&Latency::gets, 0.999),
             ratio(&Latency::puts, 0.5), ratio(&Latency::puts, 0.99), ratio(&Latency::puts, 0.999));
}

}  // namespace

int main(int argc, char** argv) {
  Load load;
  if (argc > 1) load.keys = std::strtoull(argv[1], nullptr, 10);
  if (argc > 2) load.value_size = std::strtoull(argv[2], nullptr, 10);
  if (argc > 3) load.times_over = std::strtod(argv[3], nullptr);
  if (argc > 4) load.is_zipfian = std::string(argv[4]) == "zipfian";
  if (argc > 5) load.rate = std::strtod(argv[5], nullptr);
  const Zipf zipf(load.is_zipfian ? load.keys : 2);
  fmt::print(
      "{} keys of {} bytes, {} times over, {}, {:.0f} requests a second, half of them puts\n",
      load.keys, load.value_size, load.times_over, load.is_zipfian ? "zipfian" : "uniform",
      load.rate);
  std::fflush(stdout);
  const kv::test::ScratchDir scratch;
  kv::Options options;
  options.sync = kv::Sync::kNone;
  auto store = kv::Store::open(scratch.path() + "/db", options);
  if (!store) std::abort();
  fill(*store, load);
  Outcome out;
  overwrite(*store, load, zipf, out);
  const std::uint64_t overwritten = out.user_bytes;
  compare(*store, load, zipf, out);
  out.user_bytes = overwritten;
  print(out);
}
