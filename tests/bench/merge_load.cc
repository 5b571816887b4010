// Overwrites a set of keys several times while reading it, at a fixed rate, first with merges
// paused and then with merges on, and prints both side by side: latencies (from the intended start
// of each request, so that waiting counts), disk use over live bytes, write amplification.
//   merge_load [keys] [value bytes] [times over] [uniform|zipfian] [requests a second]
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <random>
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

struct Outcome {
  Latencies gets;
  Latencies puts;
  double space_max = 0;  // disk / live, after the first time over
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

// One thread of requests: every other one a put.
void drive(kv::Store& store, const Load& load, const Zipf& zipf, std::uint64_t seed,
           std::uint64_t puts, double rate, Outcome& out) {
  std::mt19937_64 random(seed);
  const std::string value(load.value_size, 'w');
  const auto start = Clock::now();
  for (std::uint64_t i = 0; i < 2 * puts; ++i) {
    const auto due = start + std::chrono::duration_cast<Clock::duration>(
                                 std::chrono::duration<double>(static_cast<double>(i) / rate));
    while (Clock::now() < due) {
      if (due - Clock::now() > std::chrono::microseconds(200))
        std::this_thread::sleep_for(std::chrono::microseconds(100));
    }
    const std::string key = key_of(load.is_zipfian ? zipf(random) : random() % load.keys);
    if (i % 2 == 0) {
      if (!store.put(key, value)) {
        ++out.refused;
        continue;
      }
      out.puts.add(Clock::now() - due);
      out.user_bytes += key.size() + value.size();
    } else {
      const auto got = store.get(key);
      if (!got || !*got) std::abort();
      out.gets.add(Clock::now() - due);
    }
  }
}

Outcome run(const Load& load, const Zipf& zipf, bool merges) {
  const kv::test::ScratchDir scratch;
  kv::Options options;
  options.sync = kv::Sync::kNone;
  options.merges_automatically = merges;
  auto store = kv::Store::open(scratch.path() + "/db", options);
  if (!store) std::abort();
  fill(*store, load);
  Outcome out;
  const auto start = Clock::now();
  std::atomic<bool> is_done{false};
  std::jthread watch([&] {
    while (!is_done) {
      std::this_thread::sleep_for(std::chrono::milliseconds(200));
      const auto stats = store->stats();
      out.space_end = static_cast<double>(stats.disk_bytes) / static_cast<double>(stats.live_bytes);
      if (stats.writes > 2 * load.keys) out.space_max = std::max(out.space_max, out.space_end);
    }
  });
  const auto puts = static_cast<std::uint64_t>(load.times_over * static_cast<double>(load.keys));
  drive(*store, load, zipf, 7, puts, load.rate, out);
  is_done = true;
  watch.join();
  out.seconds = std::chrono::duration<double>(Clock::now() - start).count();
  out.merge = store->stats().merge;
  return out;
}

void print(const char* name, Outcome& out) {
  const double amplification =
      1 + static_cast<double>(out.merge.bytes_written) / static_cast<double>(out.user_bytes);
  fmt::print(
      "{:12} {:8.0f} {:8.0f} {:8.0f} {:8.0f} {:8.0f} {:8.0f} {:7.2f} {:7.2f} {:7} {:6.2f} {:8} "
      "{:6.0f}\n",
      name, out.gets.at(0.5), out.gets.at(0.99), out.gets.at(0.999), out.puts.at(0.5),
      out.puts.at(0.99), out.puts.at(0.999), out.space_max, out.space_end, out.merge.merges,
      amplification, out.refused, out.seconds);
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
  fmt::print("{:12} {:>8} {:>8} {:>8} {:>8} {:>8} {:>8} {:>7} {:>7} {:>7} {:>6} {:>8} {:>6}\n",
             "us", "get p50", "p99", "p99.9", "put p50", "p99", "p99.9", "max amp", "end amp",
             "merges", "WA", "refused", "s");
  Outcome without = run(load, zipf, false);
  print("no merges", without);
  Outcome with = run(load, zipf, true);
  print("merges", with);
  fmt::print("ratio        {:8.2f} {:8.2f} {:8.2f} {:8.2f} {:8.2f} {:8.2f}\n",
             with.gets.at(0.5) / without.gets.at(0.5), with.gets.at(0.99) / without.gets.at(0.99),
             with.gets.at(0.999) / without.gets.at(0.999), with.puts.at(0.5) / without.puts.at(0.5),
             with.puts.at(0.99) / without.puts.at(0.99),
             with.puts.at(0.999) / without.puts.at(0.999));
}
