// The index alone: keys of 16 bytes, found and inserted in random order.
#include <memory>
#include <random>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include "engine/index.h"

using kv::engine::Index;
using kv::engine::Place;

namespace {

std::string key_of(std::uint64_t number) { return fmt::format("key:{:012}", number); }

void find(benchmark::State& state) {
  const auto count = static_cast<std::uint64_t>(state.range(0));
  Index index;
  for (std::uint64_t i = 0; i < count; ++i) index.put(key_of(i), Place(1, i * 8, 160), i + 1);
  std::mt19937_64 random(1);
  std::vector<std::string> wanted(65'536);
  for (auto& key : wanted) key = key_of(random() % count);
  std::size_t at = 0;
  for (auto run : state) {
    benchmark::DoNotOptimize(index.find(wanted[at]));
    at = (at + 1) % wanted.size();
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations()));
}

void insert(benchmark::State& state) {
  std::mt19937_64 random(1);
  std::vector<std::string> keys(static_cast<std::size_t>(state.range(0)));
  for (auto& key : keys) key = key_of(random() % 1'000'000'000'000);
  for (auto run : state) {
    auto index = std::make_unique<Index>();
    std::uint64_t sequence = 0;
    for (const auto& key : keys) {
      ++sequence;
      index->put(key, Place(1, sequence * 8, 160), sequence);
    }
    state.PauseTiming();
    index.reset();
    state.ResumeTiming();
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations() * keys.size()));
}

BENCHMARK(find)->Arg(1'000)->Arg(1'000'000);
BENCHMARK(insert)->Arg(100'000)->Unit(benchmark::kMillisecond);

}  // namespace

BENCHMARK_MAIN();
