// What deleting gives back: fills a store, deletes nine keys of ten, merges, and prints disk, index
// and resident memory before and after.
//   give_back [keys] [value bytes]
#include <cstdlib>
#include <fstream>
#include <malloc.h>
#include <string>
#include <unistd.h>

#include <fmt/format.h>

#include "kv/store.h"
#include "tests/support/scratch_dir.h"

namespace {

std::string key_of(std::uint64_t number) { return fmt::format("key:{:012}", number); }

double resident_mb() {
  std::uint64_t total = 0;
  std::uint64_t resident = 0;
  std::ifstream("/proc/self/statm") >> total >> resident;
  return static_cast<double>(resident) * static_cast<double>(::sysconf(_SC_PAGESIZE)) / 1e6;
}

void print(const char* when, const kv::Store& store) {
  const auto stats = store.stats();
  fmt::print(
      "{:14} {:>9} keys  disk {:7.1f} MB, live {:7.1f} MB  index {:6.1f} MB  rss {:6.1f} MB\n",
      when, stats.keys, static_cast<double>(stats.disk_bytes) / 1e6,
      static_cast<double>(stats.live_bytes) / 1e6, static_cast<double>(stats.index_bytes) / 1e6,
      resident_mb());
}

void write_all(kv::Store& store, std::uint64_t keys, auto&& add) {
  kv::Batch batch;
  for (std::uint64_t i = 0; i < keys; ++i) {
    add(batch, i * 7919 % keys);
    if (batch.operations().size() < 1000 && i + 1 < keys) continue;
    if (!batch.operations().empty() && !store.write(batch)) std::abort();
    batch = {};
  }
}

}  // namespace

int main(int argc, char** argv) {
  const std::uint64_t keys = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 5'000'000;
  const std::size_t value_size = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 100;
  ::mallopt(M_MMAP_THRESHOLD, 1024 * 1024);  // as `kv start` does
  ::mallopt(M_TRIM_THRESHOLD, 1024 * 1024);
  const kv::test::ScratchDir scratch;
  kv::Options options;
  options.sync = kv::Sync::kInterval;
  auto store = kv::Store::open(scratch.path() + "/db", options);
  if (!store) return 1;
  print("empty", *store);
  const std::string value(value_size, 'v');
  write_all(*store, keys, [&](kv::Batch& batch, std::uint64_t i) { batch.put(key_of(i), value); });
  print("full", *store);
  write_all(*store, keys, [&](kv::Batch& batch, std::uint64_t i) {
    if (i % 10 != 0) batch.del(key_of(i));
  });
  print("deleted", *store);
  // The second takes the deletes that the first set free.
  for (int i = 0; i < 2; ++i) {
    const auto merged = store->merge();
    if (!merged) return 1;
    fmt::print(
        "merge          {} inputs, {} outputs, {:.1f} MB written, {} deletes dropped, {} kept\n",
        merged->inputs, merged->outputs, static_cast<double>(merged->bytes_written) / 1e6,
        merged->deletes_dropped, merged->deletes_kept);
    print("merged", *store);
  }
  return 0;
}
