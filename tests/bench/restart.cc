// How long an open takes after a kill -9: fills a store in a process that then dies without closing
// it, opens it several times and prints each. Beside it stands what new memory costs here: a
// virtual machine may get its pages from the host only when they are touched, which can take longer
// than the open that uses them; the opens find pages that have been touched once.
//   restart [keys] [value bytes] [times each key is written] [opens] [checkpoint|hints]
#include <chrono>
#include <cstdlib>
#include <string>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fmt/format.h>

#include "kv/store.h"
#include "tests/support/scratch_dir.h"

namespace {

kv::Options options() {
  kv::Options options;
  options.sync = kv::Sync::kInterval;
  options.checkpoint_records_min = UINT64_MAX;  // none by itself
  return options;
}

void fill(const std::string& path, std::uint64_t keys, std::size_t value_size, int times,
          bool with_checkpoint) {
  auto store = kv::Store::open(path, options());
  if (!store) std::abort();
  const std::string value(value_size, 'v');
  kv::Batch batch;
  for (int round = 0; round < times; ++round) {
    for (std::uint64_t i = 0; i < keys; ++i) {
      // Not in order of the keys: 7919 is prime.
      batch.put(fmt::format("key:{:012}", i * 7919 % keys), value);
      if (batch.operations().size() < 500 && i + 1 < keys) continue;
      if (!store->write(batch)) std::abort();
      batch = {};
    }
  }
  if (with_checkpoint && !store->checkpoint()) std::abort();
  // Dies here, with everything as it lies.
  ::_exit(0);
}

// The time to write to each page of as much new memory.
double touch_ms(std::size_t size) {
  constexpr std::size_t kPage = 4096;
  const auto start = std::chrono::steady_clock::now();
  void* const memory =
      ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) std::abort();
  for (std::size_t at = 0; at < size; at += kPage) static_cast<volatile char*>(memory)[at] = 1;
  ::munmap(memory, size);
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start)
      .count();
}

}  // namespace

int main(int argc, char** argv) {
  const std::uint64_t keys = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 1'000'000;
  const std::size_t value_size = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 1024;
  const int times = argc > 3 ? std::atoi(argv[3]) : 1;
  const int opens = argc > 4 ? std::atoi(argv[4]) : 3;
  const bool with_checkpoint = argc > 5 && std::string(argv[5]) == "checkpoint";
  const kv::test::ScratchDir scratch;
  const std::string path = scratch.path() + "/db";
  const pid_t child = ::fork();
  if (child == 0) fill(path, keys, value_size, times, with_checkpoint);
  int status = 0;
  if (child < 0 || ::waitpid(child, &status, 0) != child || status != 0) return 1;
  fmt::print("{} keys of {} bytes, each written {} times, killed\n", keys, value_size, times);
  constexpr std::size_t kTouched = std::size_t{1} << 30;
  const double first_ms = touch_ms(kTouched);
  fmt::print("touching 1 GiB of new memory: {:.0f} ms, and again {:.0f} ms\n", first_ms,
             touch_ms(kTouched));
  for (int i = 0; i < opens; ++i) {
    const auto start = std::chrono::steady_clock::now();
    auto store = kv::Store::open(path, options());
    const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - start;
    if (!store) {
      fmt::print(stderr, "{}\n", describe(store.error()));
      return 1;
    }
    const auto stats = store->stats();
    const auto& recovery = stats.recovery;
    fmt::print(
        "open {}  {:6.0f} ms: directory {:.0f}, segments {:.0f}, index {:.0f}; {} keys, "
        "{} segments by checkpoint, {} by hint, {} by scan, {:.1f} B/key beyond the key\n",
        i + 1, took.count(), took.count() - recovery.duration_ms, recovery.segments_ms,
        recovery.index_ms, recovery.keys, recovery.segments_by_checkpoint,
        recovery.segments_by_hint, recovery.segments_by_scan, stats.index_bytes_per_key);
  }
}
