// Prints what the index takes and how fast it is: bytes a key beyond the key, after random puts,
// ascending puts and load, at the sizes given (default 1 M and 10 M keys of 16 bytes).
#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include <fmt/format.h>

#include "engine/index.h"
#include "engine/index_part.h"

using kv::engine::Index;
using kv::engine::IndexWindow;
using kv::engine::Place;

namespace {

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

std::string key_of(std::uint64_t number) { return fmt::format("key:{:012}", number); }

void report(const char* what, const Index& index, std::uint64_t keys, double seconds) {
  const auto memory = index.memory();
  const auto per_key = [keys](std::uint64_t bytes) {
    return static_cast<double>(bytes) / static_cast<double>(keys);
  };
  fmt::print(
      "{:9} keys {:>10}  {:5.1f} B/key beyond the key (entries {:.1f} hash {:.1f} order {:.1f})  "
      "{:.2f} M/s\n",
      what, keys, per_key(memory.total_bytes - memory.key_bytes),
      per_key(memory.entries_bytes - memory.key_bytes), per_key(memory.hash_bytes),
      per_key(memory.order_bytes), static_cast<double>(keys) / seconds / 1e6);
}

void measure(std::uint64_t keys) {
  std::vector<std::uint64_t> order(keys);
  for (std::uint64_t i = 0; i < keys; ++i) order[i] = i;
  std::mt19937_64 random(1);
  std::shuffle(order.begin(), order.end(), random);
  {
    Index index;
    auto start = std::chrono::steady_clock::now();
    for (std::uint64_t i = 0; i < keys; ++i)
      index.put(key_of(order[i]), Place(1, i * 8, 160), i + 1);
    report("random", index, keys, seconds_since(start));
    start = std::chrono::steady_clock::now();
    constexpr std::uint64_t kFinds = 2'000'000;
    std::uint64_t hits = 0;
    for (std::uint64_t i = 0; i < kFinds; ++i) hits += index.find(key_of(random() % keys)) ? 1 : 0;
    fmt::print("  find      {:.2f} M/s ({} hits)\n", kFinds / seconds_since(start) / 1e6, hits);
    start = std::chrono::steady_clock::now();
    const auto snapshot = index.snapshot(keys);
    IndexWindow window;
    std::string from;
    std::uint64_t seen = 0;
    for (bool goes_on = true; goes_on;) {
      window.clear();
      goes_on = index.scan({from, std::nullopt, false}, snapshot, 1000, window);
      seen += window.size();
      if (goes_on) from.assign(window.key(window.size() - 1)).push_back('\0');
    }
    fmt::print("  scan      {:.2f} M/s ({} keys)\n",
               static_cast<double>(seen) / seconds_since(start) / 1e6, seen);
  }
  {
    Index index;
    const auto start = std::chrono::steady_clock::now();
    for (std::uint64_t i = 0; i < keys; ++i) index.put(key_of(i), Place(1, i * 8, 160), i + 1);
    report("ascending", index, keys, seconds_since(start));
  }
  {
    Index index;
    const auto start = std::chrono::steady_clock::now();
    for (std::uint64_t i = 0; i < keys; ++i)
      index.put(key_of(i * 7919 % keys), Place(1, i * 8, 160), i + 1);
    report("strided", index, keys, seconds_since(start));
  }
  Index index;
  const auto start = std::chrono::steady_clock::now();
  constexpr std::uint32_t kThreads = 2;
  std::vector<kv::engine::IndexPart> parts(kThreads);
  {
    std::vector<std::jthread> threads;
    for (std::uint64_t t = 0; t < kThreads; ++t) {
      threads.emplace_back([&parts, keys, t] {
        for (std::uint64_t i = keys * t / kThreads; i < keys * (t + 1) / kThreads; ++i)
          parts[t].add(key_of(i), Place(1, i * 8, 160));
      });
    }
  }
  index.load(std::move(parts), kThreads);
  report("load", index, keys, seconds_since(start));
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 1) {
    measure(1'000'000);
    measure(10'000'000);
  }
  for (int i = 1; i < argc; ++i) measure(std::strtoull(argv[i], nullptr, 10));
}
