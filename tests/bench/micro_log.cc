// Appending to the log by the public store, sync none: one write at a time, and many to a flush as
// a reactor does it. The files lie in the directory for temporary ones (TMPDIR).
#include <optional>
#include <string>

#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include "kv/store.h"
#include "tests/support/scratch_dir.h"

namespace {

class Listener : public kv::WriteListener {
 public:
  void on_written(const kv::WriteTag&, kv::Result<kv::WriteResult> result) override {
    (result ? written : failed) += 1;
  }
  std::uint64_t written = 0;
  std::uint64_t failed = 0;
};

std::optional<kv::Store> open(benchmark::State& state, const std::string& directory) {
  kv::Options options;
  options.sync = kv::Sync::kNone;
  options.merges_automatically = false;
  auto store = kv::Store::open(directory, options);
  if (store) return std::move(*store);
  state.SkipWithError(kv::describe(store.error()).c_str());
  return std::nullopt;
}

void append(benchmark::State& state) {
  const kv::test::ScratchDir directory;
  auto store = open(state, directory.path() + "/data");
  if (!store) return;
  const auto group = state.range(0);
  const std::string value(static_cast<std::size_t>(state.range(1)), 'v');
  Listener listener;
  std::uint64_t number = 0;
  for (auto run : state) {
    for (std::int64_t i = 0; i < group; ++i) {
      const std::string key = fmt::format("key:{:012}", number++ % 100'000);
      kv::Write write;
      write.key = key;
      write.value = value;
      store->submit(write, listener, {});
    }
    store->flush(kv::ReadMode::kNoWait);
  }
  if (listener.failed > 0) state.SkipWithError("a write failed");
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations()) * group);
}

BENCHMARK(append)->ArgNames({"group", "value"})->Args({1, 100})->Args({16, 100})->Args({64, 1024});

}  // namespace

BENCHMARK_MAIN();
