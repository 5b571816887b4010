#include <algorithm>
#include <atomic>
#include <cmath>
#include <filesystem>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include <doctest/doctest.h>

#include "kv/store.h"
#include "tests/support/scratch_dir.h"

using kv::Cursor;
using kv::Store;

namespace {

struct MergedStore {
  kv::test::ScratchDir scratch;
  std::string path = scratch.path() + "/db";
  kv::Options options;
  std::optional<Store> store;

  MergedStore() {
    options.segment_size_max = 64 * 1024;
    options.sync = kv::Sync::kNone;
    options.merges_automatically = false;
    options.value_cache_max = 0;  // what is asked for is read where the merge put it
    open();
  }
  void open() {
    store.reset();
    auto opened = Store::open(path, options);
    REQUIRE_MESSAGE(opened.has_value(), (opened ? "" : describe(opened.error())));
    store = std::move(*opened);
  }
  static std::string value(int round, int i) {
    return std::to_string(round) + std::string(100, 'v') + std::to_string(i);
  }
  static std::string key(int i) { return "key" + std::to_string(i); }
  void put(int i, const std::string& value) { REQUIRE(store->put(key(i), value).has_value()); }
  std::string get(int i) const {
    const auto value = store->get(key(i));
    REQUIRE(value.has_value());
    return *value ? (*value)->bytes : "(none)";
  }
  kv::MergeSummary merge() {
    const auto done = store->merge();
    REQUIRE_MESSAGE(done.has_value(), (done ? "" : describe(done.error())));
    return *done;
  }
  std::uint64_t bytes_on_disk() const {
    std::uint64_t bytes = 0;
    for (const auto& file : std::filesystem::directory_iterator(path)) {
      if (file.path().extension() == ".seg") bytes += file.file_size();
    }
    return bytes;
  }
};

}  // namespace

TEST_CASE_FIXTURE(MergedStore, "a merge gives back what overwrites left, and changes no answer") {
  // Rotation happens beside the writers: as many rounds as it takes.
  int round = 0;
  for (; round < 5 || store->stats().segments.size() < 12; ++round) {
    for (int i = 0; i < 2000; ++i) put(i, value(round, i));
  }
  const std::uint64_t before = bytes_on_disk();
  const auto done = merge();
  CHECK(done.inputs > 5);
  CHECK(done.deletes_kept == 0);
  // What was active then ends the log and is left alone, until something comes behind it.
  put(0, value(round - 1, 0));
  merge();
  CHECK(bytes_on_disk() < before / 2);
  const auto check = [&] {
    CHECK(store->stats().keys == 2000);
    for (int i = 0; i < 2000; ++i) REQUIRE(get(i) == value(round - 1, i));
  };
  check();
  SUBCASE("also after a restart") { open(); }
  SUBCASE("also after a second merge, which has next to nothing to do") {
    CHECK(merge().bytes_written < before / 10);
  }
  check();
}

TEST_CASE_FIXTURE(MergedStore, "deletes go when nothing is left that they hide") {
  for (int i = 0; i < 5000; ++i) put(i, std::string(100, 'v'));
  for (int i = 0; i < 5000; ++i) {
    if (i % 10 != 0) REQUIRE(store->del(key(i)).has_value());
  }
  // Sealed segments behind them, so that the deletes are not at the end of the log. (A segment
  // grows while the next one is not made yet, which may take its time; a merge begins one.)
  merge();
  for (int i = 0; i < 1000; ++i) put(10'000 + i, std::string(100, 'v'));
  merge();
  merge();
  merge();
  CHECK(store->stats().keys == 1500);
  CHECK(bytes_on_disk() < 500'000);
  open();
  CHECK(store->stats().keys == 1500);
  for (int i = 0; i < 5000; ++i) REQUIRE((get(i) == "(none)") == (i % 10 != 0));
}

TEST_CASE_FIXTURE(MergedStore, "a snapshot reads what it saw through any number of merges") {
  for (int i = 0; i < 2000; ++i) put(i, "old" + std::to_string(i));
  Cursor cursor = store->range({});
  const auto snapshot = store->snapshot();
  for (int round = 0; round < 4; ++round) {
    for (int i = 0; i < 2000; ++i) {
      if ((i + round) % 3 == 0) REQUIRE(store->del(key(i)).has_value());
      if ((i + round) % 3 == 1) put(i, std::string(200, 'n'));
    }
    merge();
  }
  int seen = 0;
  for (auto step = cursor.next(); step && *step == Cursor::Step::kItem; step = cursor.next()) {
    REQUIRE(cursor.item().value == "old" + cursor.item().key.substr(3));
    ++seen;
  }
  CHECK(seen == 2000);
  for (int i = 0; i < 2000; ++i) {
    const auto value = store->get(key(i), snapshot);
    REQUIRE(value.has_value());
    REQUIRE((*value)->bytes == "old" + std::to_string(i));
  }
}

TEST_CASE_FIXTURE(MergedStore, "readers and writers never notice that merges go on") {
  options.merges_automatically = true;
  SUBCASE("which are read from files") {}
  SUBCASE("which are read from memory, that moves along") { options.value_cache_max = 1024 * 1024; }
  open();
  constexpr int kKeys = 500;
  std::atomic<int> failures{0};
  std::atomic<int> writers{2};
  {
    std::vector<std::jthread> threads;
    threads.reserve(3);
    for (int t = 0; t < 2; ++t) {
      threads.emplace_back([&, t] {
        std::mt19937 random(static_cast<unsigned>(t));
        std::map<int, std::string> mine;  // each thread has keys of its own
        for (int step = 0; step < 20'000; ++step) {
          const int i = static_cast<int>(random() % kKeys) * 2 + t;
          const auto got = store->get(key(i));
          const auto found = mine.find(i);
          const bool is_right = got && got->has_value() == (found != mine.end()) &&
                                (!got->has_value() || (*got)->bytes == found->second);
          if (!is_right) ++failures;
          if (random() % 4 == 0) {
            if (!store->del(key(i))) ++failures;
            mine.erase(i);
          } else {
            mine[i] = std::to_string(step) + std::string(random() % 200, 'x');
            if (!store->put(key(i), mine[i])) ++failures;
          }
        }
        --writers;
      });
    }
    threads.emplace_back([&] {
      do {
        if (!store->merge()) ++failures;
      } while (writers > 0);
    });
  }
  CHECK(failures == 0);
  CHECK(store->stats().merge.merges > 0);
}

TEST_CASE_FIXTURE(MergedStore, "a merge that was asked for is stopped, and leaves all answers") {
  for (int round = 0; round < 5 || store->stats().segments.size() < 12; ++round) {
    for (int i = 0; i < 2000; ++i) put(i, value(0, i));
  }
  // At this rate it would take a minute or more.
  std::optional<kv::Result<kv::MergeSummary>> outcome;
  {
    const std::jthread merging([&] { outcome = store->merge(1024); });
    while (store->stats().merge.bytes_done == 0) std::this_thread::yield();
    const auto stats = store->stats().merge;
    CHECK(stats.is_on_demand);
    CHECK(stats.bytes_total > 512 * 1024);
    store->stop_merge();
  }
  REQUIRE(outcome->has_value());
  CHECK((*outcome)->was_stopped);
  CHECK((*outcome)->inputs == 0);
  CHECK_FALSE(store->stats().merge.is_on_demand);
  for (int i = 0; i < 2000; ++i) REQUIRE(get(i) == value(0, i));
  // The next one does not pay for the slowness of this one: that would take minutes.
  const auto again = store->merge(1024 * 1024 * 1024);
  REQUIRE(again.has_value());
  CHECK(again->inputs > 0);
  CHECK_FALSE(again->was_stopped);
  for (int i = 0; i < 2000; ++i) REQUIRE(get(i) == value(0, i));
}

TEST_CASE_FIXTURE(MergedStore, "what a snapshot keeps of merged segments is told") {
  for (int round = 0; round < 5 || store->stats().segments.size() < 6; ++round) {
    for (int i = 0; i < 2000; ++i) put(i, value(round, i));
  }
  const auto held = [&] {
    std::size_t count = 0;
    for (const auto& segment : store->stats().segments) {
      const bool is_held = segment.kept_because.find("snapshot") != std::string::npos;
      if (is_held) CHECK(segment.dead_bytes == segment.bytes);
      count += is_held ? 1 : 0;
    }
    return count;
  };
  {
    const auto snapshot = store->snapshot();
    CHECK(merge().inputs > 2);
    CHECK(held() > 2);
  }
  CHECK(held() == 0);
}

TEST_CASE_FIXTURE(MergedStore, "the index forgets what a snapshot held while nobody writes") {
  constexpr int kKeys = 100'000;
  for (int i = 0; i < kKeys; ++i) put(i, "v");
  {
    const auto snapshot = store->snapshot();
    for (int i = 0; i < kKeys; ++i) REQUIRE(store->del(key(i)).has_value());
  }
  CHECK(store->stats().keys == 0);
  while (store->stats().index_bytes > 1024 * 1024) std::this_thread::yield();
}

TEST_CASE_FIXTURE(MergedStore, "a full disk makes merges take what they would leave alone") {
  for (int i = 0; i < 5000; ++i) put(i, value(0, i));
  open();  // seals them, however many segments they came to fill
  for (int i = 0; i < 5000; i += 12) put(i, value(1, i));
  // Merges alone go on then.
  options.space_reserve = std::uint64_t{1} << 62;
  options.merges_automatically = true;
  open();
  while (store->stats().merge.merges == 0) std::this_thread::yield();
  for (int i = 0; i < 5000; ++i) REQUIRE(get(i) == value(i % 12 == 0 ? 1 : 0, i));
}

TEST_CASE_FIXTURE(MergedStore, "no merge can keep the disk under less than what is live") {
  store.reset();
  for (const double target : {1.0, 0.5, -1.0, std::nan("")}) {
    options.space_target = target;
    const auto opened = Store::open(path, options);
    REQUIRE_FALSE(opened.has_value());
    CHECK(opened.error().code == kv::Errc::kInvalidArgument);
  }
}

TEST_CASE_FIXTURE(MergedStore, "a merge leaves records in key order, from however many segments") {
  options.segment_size_max = 4 * 1024 * 1024;
  open();
  constexpr int kKeys = 6000;
  const auto number = [](int i) { return i * 7919 % kKeys; };
  // Of each round some keys stay.
  for (int round = 0; round < 4; ++round) {
    for (int i = 0; i < kKeys; ++i) {
      if (i % 4 >= round) put(number(i), value(round, number(i)));
    }
    open();  // seals what was written
  }
  // And a batch, deletes, and a large value.
  kv::Batch batch;
  for (int i = 0; i < 100; ++i) batch.put(key(number(i)), value(4, number(i)));
  REQUIRE(store->write(batch).has_value());
  for (int i = 0; i < kKeys; i += 10) REQUIRE(store->del(key(i)).has_value());
  put(1, std::string(100'000, 'x'));
  open();
  put(kKeys, "what ends the log is left alone");
  REQUIRE(merge().inputs >= 5);
  const auto wanted = [&](int i) {
    const int n = number(i);
    if (n == 1) return std::string(100'000, 'x');
    return n % 10 == 0 ? "(none)" : value(i < 100 ? 4 : i % 4, n);
  };
  const auto check = [&] {
    for (int i = 0; i < kKeys; ++i) REQUIRE(get(number(i)) == wanted(i));
  };
  check();
  std::map<std::string, std::pair<std::uint32_t, std::uint64_t>> places;
  for (int i = 0; i < 300; ++i) {  // each takes a while
    const auto inspected = store->inspect(key(i));
    REQUIRE(inspected.has_value());
    for (const auto& record : inspected->records) {
      if (record.is_current && record.value_size < 1000) {
        places[key(i)] = {record.segment, record.offset};
      }
    }
  }
  CHECK(places.size() == 300 - 30 - 1);
  CHECK(std::ranges::is_sorted(places, {}, [](const auto& one) { return one.second; }));
  open();
  check();
}
