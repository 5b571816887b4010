// Cursors of an open store: kv::Cursor, as src/engine/cursor.cc makes it.
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "engine/merge_run.h"
#include "engine/read_ahead.h"
#include "engine/store_impl.h"
#include "tests/support/hooked_file_system.h"
#include "tests/support/scratch_dir.h"

using kv::Cursor;
using kv::Errc;
using kv::Error;
using kv::RangeOptions;
using kv::ReadMode;
using kv::Result;
using kv::Store;
using kv::engine::ReadAhead;
using kv::test::HookedFileSystem;

namespace {

using Model = std::map<std::string, std::string>;
using Read = HookedFileSystem::Read;
using Rows = std::vector<std::pair<std::string, std::string>>;

// Bytes of a record beside key and value, padding included; the index knows sizes to 1/64.
constexpr std::uint64_t kOverheadMax = 48 + 8;
std::uint64_t size_hint_max(std::uint64_t key_and_value) {
  return (key_and_value + kOverheadMax) * 65 / 64 + 8;
}

std::uint64_t seed_for_test() {
  const char* given = std::getenv("KV_SEED");
  return given != nullptr ? std::strtoull(given, nullptr, 10) : std::random_device()();
}

// A store in one thread whose reads are seen, and refused at will.
struct ScannedStore {
  kv::test::ScratchDir scratch;
  std::string path = scratch.path() + "/db";
  HookedFileSystem fs;
  kv::Options options;
  std::optional<Store> store;
  Model model;
  std::vector<Read> reads;

  ScannedStore() {
    options.segment_size_max = 256 * 1024;
    options.sync = kv::Sync::kNone;
    options.merges_automatically = false;
    options.value_cache_max = 0;  // what is read here comes from files
    open();
  }
  ~ScannedStore() { fs.on_read = nullptr; }  // what it refers to is gone
  void open() {
    store.reset();
    fs.on_read = nullptr;
    auto opened = kv::StoreImpl::open(fs, path, options, kv::Background::kCaller);
    REQUIRE_MESSAGE(opened.has_value(), (opened ? "" : describe(opened.error())));
    store = kv::StoreImpl::wrap(std::move(*opened));
    watch([](const Read&) { return Result<void>(); });
  }
  void watch(std::function<Result<void>(const Read&)> allow) {
    fs.on_read = [this, allow = std::move(allow)](const Read& read) {
      reads.push_back(read);
      return allow(read);
    };
  }
  void put(const std::string& key, const std::string& value) {
    REQUIRE(store->put(key, value).has_value());
    model[key] = value;
  }
  static std::string key(int i) { return fmt::format("key{:06}", i); }
  static std::string value(int i) { return fmt::format("{}-{}", i, std::string(100, 'v')); }
  void put_in_order(int count) {
    for (int i = 0; i < count; ++i) put(key(i), value(i));
  }

  // The items of the rest of the range; those that would block are read as they may block.
  static Rows rest(Cursor& cursor, ReadMode mode = ReadMode::kMayBlock) {
    Rows rows;
    for (ReadMode now = mode;;) {
      auto step = cursor.next(now);
      REQUIRE_MESSAGE(step.has_value(), (step ? "" : describe(step.error())));
      if (*step == Cursor::Step::kEnd) return rows;
      now = *step == Cursor::Step::kWouldBlock ? ReadMode::kMayBlock : mode;
      if (*step == Cursor::Step::kItem) rows.emplace_back(cursor.item().key, cursor.item().value);
    }
  }
  Rows rows(const RangeOptions& range) {
    Cursor cursor = store->range(range);
    return rest(cursor);
  }
  // The same out of the model.
  Rows expected(const RangeOptions& range, bool& has_more) const {
    auto begin = model.lower_bound(range.start);
    auto end = range.end ? model.lower_bound(*range.end) : model.end();
    Rows all;
    if (!range.end || range.start < *range.end) all.assign(begin, end);
    if (range.is_reverse) std::ranges::reverse(all);
    std::uint64_t bytes = 0;
    Rows out;
    for (const auto& [k, v] : all) {
      bytes += k.size() + v.size();
      has_more = out.size() >= range.limit || (!out.empty() && bytes > range.bytes_max);
      if (has_more) break;
      out.emplace_back(k, v);
    }
    return out;
  }
  std::uint64_t bytes_read() const {
    std::uint64_t bytes = 0;
    for (const Read& read : reads) bytes += read.size;
    return bytes;
  }
};

Error refused(Errc code) { return {code, "refused for the test", {}}; }

}  // namespace

TEST_CASE_FIXTURE(ScannedStore, "a range answers as a sorted map does, whatever sizes and bounds") {
  const std::uint64_t seed = seed_for_test();
  CAPTURE(seed);
  std::mt19937_64 random(seed);
  constexpr int kKeys = 700;
  // Sizes on both sides of what is read ahead, alone, and together.
  const auto random_value = [&] {
    const std::size_t sizes[] = {0,
                                 1,
                                 100,
                                 1000,
                                 5000,
                                 ReadAhead::kRecordSizeMax - 64,
                                 ReadAhead::kRecordSizeMax,
                                 ReadAhead::kSizeMax,
                                 100'000};
    const std::uint64_t choice = random() % 100;
    const std::size_t size = choice < 80 ? random() % 300 : sizes[choice % std::size(sizes)];
    return std::string(size, static_cast<char>('a' + random() % 26)) + std::to_string(random());
  };
  for (int i = 0; i < 2 * kKeys; ++i) {
    const std::string one = key(static_cast<int>(random() % kKeys));
    if (random() % 10 == 0) {
      REQUIRE(store->del(one).has_value());
      model.erase(one);
    } else {
      put(one, random_value());
    }
    if (i == kKeys) REQUIRE(store->merge().has_value());
  }
  REQUIRE(store->stats().segments.size() > 5);
  bool is_cold = false;
  watch([&](const Read& read) {
    CHECK(read.size <= 2 * ReadAhead::kSizeMax);  // no value is larger
    is_cold = is_cold && read.mode == ReadMode::kNoWait;
    return is_cold ? tl::unexpected(refused(Errc::kWouldBlock)) : Result<void>();
  });
  for (int round = 0; round < 400; ++round) {
    RangeOptions range;
    if (random() % 4 != 0) range.start = key(static_cast<int>(random() % kKeys));
    if (random() % 2 != 0) range.end = key(static_cast<int>(random() % kKeys));
    if (random() % 2 != 0) range.limit = random() % (random() % 2 != 0 ? 10 : 400);
    if (random() % 2 != 0) range.bytes_max = random() % (random() % 2 != 0 ? 2000 : 200'000);
    range.is_reverse = random() % 2 != 0;
    range.is_keys_only = random() % 8 == 0;
    CAPTURE(round);
    bool has_more = false;
    if (range.is_keys_only) range.bytes_max = UINT64_MAX;
    Rows wanted = expected(range, has_more);
    if (range.is_keys_only) {
      for (auto& row : wanted) row.second.clear();
    }
    Cursor cursor = store->range(range);
    Rows seen;
    is_cold = random() % 3 == 0;
    for (;;) {
      const auto step = cursor.next(random() % 2 != 0 ? ReadMode::kNoWait : ReadMode::kMayBlock);
      REQUIRE(step.has_value());
      if (*step == Cursor::Step::kEnd) break;
      if (*step == Cursor::Step::kItem) seen.emplace_back(cursor.item().key, cursor.item().value);
      is_cold = random() % 20 == 0;
    }
    REQUIRE(seen == wanted);
    REQUIRE(cursor.has_more() == has_more);
  }
}

TEST_CASE_FIXTURE(ScannedStore, "records that lie together are read together, also backwards") {
  constexpr int kKeys = 3000;
  put_in_order(kKeys);
  RangeOptions range;
  SUBCASE("forward") {}
  SUBCASE("in reverse") { range.is_reverse = true; }
  SUBCASE("with dead records between them") {
    for (int i = 0; i < kKeys; i += 3) put(key(i), value(i + 1));
  }
  reads.clear();
  bool has_more = false;
  CHECK(rows(range) == expected(range, has_more));
  CHECK(reads.size() < kKeys / 50);
}

TEST_CASE_FIXTURE(ScannedStore, "after a merge, what was written in any order is read together") {
  constexpr int kKeys = 3000;
  for (int i = 0; i < kKeys; ++i) put(key(i * 7919 % kKeys), value(i));
  // Something to give back, everywhere: the segments are merged for its sake.
  for (int i = 0; i < kKeys; i += 50) put(key(i), value(i + 1));
  reads.clear();
  bool has_more = false;
  CHECK(rows({}) == expected({}, has_more));
  CHECK(reads.size() > kKeys / 3);
  REQUIRE(store->merge().has_value());
  put(key(0), value(0));  // what ended the log then is left alone until now
  REQUIRE(store->merge().has_value());
  reads.clear();
  CHECK(rows({}) == expected({}, has_more));
  CHECK(reads.size() < kKeys / 20);
}

TEST_CASE_FIXTURE(ScannedStore, "nothing far beyond the limit or the byte budget is read") {
  put_in_order(2000);
  const std::uint64_t one = size_hint_max(key(0).size() + value(1999).size());
  RangeOptions range;
  range.start = key(500);
  reads.clear();
  SUBCASE("limit") {
    range.limit = 3;
    CHECK(rows(range).size() == 3);
    CHECK(bytes_read() <= 3 * one);
  }
  SUBCASE("a limit that takes several windows") {
    range.limit = 800;
    CHECK(rows(range).size() == 800);
    CHECK(bytes_read() <= 800 * one);
  }
  SUBCASE("bytes") {
    range.bytes_max = 1000;
    CHECK(rows(range).size() == 8);
    CHECK(bytes_read() <= 9 * one);  // one more shows that there is more
  }
  SUBCASE("who reads little has paid for little") {
    Cursor cursor = store->range(range);
    REQUIRE(cursor.next());
    CHECK(bytes_read() <= 16 * one);
  }
  SUBCASE("keys only") {
    range.is_keys_only = true;
    CHECK(rows(range).size() == 1500);
    CHECK(reads.empty());
  }
}

TEST_CASE_FIXTURE(ScannedStore, "a damaged record is told for its own key, and the range goes on") {
  constexpr int kKeys = 200;
  constexpr int kDamaged = 77;
  put_in_order(kKeys);
  std::fstream file;
  for (const auto& entry : std::filesystem::directory_iterator(path)) {
    if (entry.path().extension() != ".seg") continue;
    std::ifstream in(entry.path(), std::ios::binary);
    const std::string content(std::istreambuf_iterator<char>(in), {});
    const std::size_t at = content.find(key(kDamaged) + value(kDamaged));
    if (at == std::string::npos) continue;
    file.open(entry.path(), std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(static_cast<std::streamoff>(at));
  }
  REQUIRE(file.is_open());
  file << "?";
  REQUIRE(file.flush().good());
  reads.clear();
  Cursor cursor = store->range({});
  for (int i = 0; i < kKeys; ++i) {
    CAPTURE(i);
    const auto step = cursor.next();
    REQUIRE(step.has_value() == (i != kDamaged));
    if (i == kDamaged) {
      CHECK(step.error().code == Errc::kCorruption);
    } else {
      REQUIRE(*step == Cursor::Step::kItem);
      REQUIRE(cursor.item().key == key(i));
      REQUIRE(cursor.item().value == value(i));
    }
  }
  CHECK(cursor.next() == Cursor::Step::kEnd);
  CHECK(reads.size() < 10);
}

TEST_CASE_FIXTURE(ScannedStore, "a disk that fails is told for the keys it fails for") {
  put_in_order(100);
  SUBCASE("what cannot be read together is read one by one") {
    watch([](const Read& read) {
      return read.size > 1000 ? tl::unexpected(refused(Errc::kIo)) : Result<void>();
    });
    bool has_more = false;
    CHECK(rows({}) == expected({}, has_more));
    // Together, again and again, would be two attempts for each key.
    CHECK(reads.size() < 120);
  }
  SUBCASE("and one that cannot be read at all is skipped") {
    const auto covers = [](const Read& read, std::uint64_t at) {
      return read.offset <= at && at < read.offset + read.size;
    };
    watch([&](const Read& read) {
      return covers(read, 5000) ? tl::unexpected(refused(Errc::kIo)) : Result<void>();
    });
    Cursor cursor = store->range({});
    int items = 0;
    int failures = 0;
    for (;;) {
      const auto step = cursor.next();
      if (step && *step == Cursor::Step::kEnd) break;
      if (step) {
        items += 1;
      } else {
        CHECK(step.error().code == Errc::kIo);
        failures += 1;
      }
    }
    CHECK(failures >= 1);
    CHECK(failures <= 2);  // the size hint of the one before reaches into it
    CHECK(items + failures == 100);
  }
}

TEST_CASE_FIXTURE(ScannedStore, "what would block is told once, and nothing is lost by it") {
  // Two segments in turn, so that one window needs both.
  constexpr int kKeys = 2000;
  for (int i = 0; i < kKeys; i += 2) put(key(i), value(i));
  options.segment_size_max = 4 * 1024 * 1024;
  open();
  for (int i = 1; i < kKeys; i += 2) put(key(i), value(i));
  bool is_cold = true;
  std::string cold_path;
  watch([&](const Read& read) {
    const bool waits =
        read.mode == ReadMode::kNoWait && is_cold && (cold_path.empty() || read.path == cold_path);
    return waits ? tl::unexpected(refused(Errc::kWouldBlock)) : Result<void>();
  });
  bool has_more = false;
  const Rows all = expected({}, has_more);
  Cursor cursor = store->range({});
  SUBCASE("all of it is on the disk") {
    CHECK(cursor.next(ReadMode::kNoWait) == Cursor::Step::kWouldBlock);
    CHECK(cursor.next(ReadMode::kNoWait) == Cursor::Step::kWouldBlock);
    reads.clear();
    CHECK(cursor.next(ReadMode::kMayBlock) == Cursor::Step::kItem);
    CHECK(cursor.item().key == all[0].first);
    // It waited for more than that one.
    CHECK(cursor.next(ReadMode::kNoWait) == Cursor::Step::kItem);
    CHECK(cursor.item().key == all[1].first);
    const Rows others = rest(cursor, ReadMode::kNoWait);
    CHECK(others == Rows(all.begin() + 2, all.end()));
    CHECK(reads.size() < 200);
  }
  SUBCASE("what is in memory comes before it") {
    REQUIRE(store->get(all[0].first).has_value());
    cold_path = reads.back().path;
    reads.clear();
    // Asked for first, though it lies behind: the one that comes next.
    RangeOptions range;
    range.start = all[1].first;
    Cursor second = store->range(range);
    CHECK(second.next(ReadMode::kNoWait) == Cursor::Step::kItem);
    CHECK(reads.front().path != cold_path);
    CHECK(rest(second, ReadMode::kNoWait) == Rows(all.begin() + 2, all.end()));
  }
  SUBCASE("it has come into memory meanwhile") {
    CHECK(cursor.next(ReadMode::kNoWait) == Cursor::Step::kWouldBlock);
    is_cold = false;
    CHECK(rest(cursor, ReadMode::kNoWait) == all);
    CHECK(store->stats().reads_deferred == 1);
  }
}

TEST_CASE_FIXTURE(ScannedStore, "the next record is tried first, wherever it lies") {
  // Scattered over two segments, too far from each other to be read together.
  constexpr int kKeys = 2000;
  const auto put_each_second = [&](int from) {
    for (int i = 0; i < kKeys; ++i) {
      const int number = i * 7919 % kKeys;
      if (number % 2 == from) put(key(number), std::string(1000, 'v'));
    }
  };
  options.segment_size_max = 4 * 1024 * 1024;
  open();
  put_each_second(0);
  open();
  put_each_second(1);
  REQUIRE(store->get(key(0)).has_value());
  const std::string cold_path = reads.back().path;
  watch([&](const Read& read) {
    const bool waits = read.mode == ReadMode::kNoWait && read.path == cold_path;
    return waits ? tl::unexpected(refused(Errc::kWouldBlock)) : Result<void>();
  });
  RangeOptions range;
  range.start = key(1001);
  range.limit = 100;
  reads.clear();
  Cursor cursor = store->range(range);
  CHECK(cursor.next(ReadMode::kNoWait) == Cursor::Step::kItem);
  CHECK(reads.front().path != cold_path);
  CHECK(cursor.next(ReadMode::kNoWait) == Cursor::Step::kWouldBlock);
  CHECK(rest(cursor, ReadMode::kNoWait).size() == 99);
}

TEST_CASE_FIXTURE(ScannedStore,
                  "a merge of more than it sorts at once writes as often as it takes") {
  options.segment_size_max = 128 * 1024 * 1024;
  open();
  constexpr int kKeys = 1400;
  constexpr int kDead = 100;             // more than sizes are rounded
  constexpr std::size_t kSize = 60'000;  // read one by one, so that reads tell where each lies
  static_assert((kKeys - kDead) * kSize > kv::engine::MergeRun::kBytesMax);
  for (int i = 0; i < kKeys; ++i) {
    const int number = i * 7919 % kKeys;
    put(key(number), std::string(kSize, static_cast<char>('a' + number % 26)));
  }
  for (int i = 0; i < kDead; ++i) put(key(i), "small now");
  open();
  put("z", "what ends the log is left alone");
  const auto merged = store->merge();
  REQUIRE(merged.has_value());
  CHECK(merged->inputs == 1);
  reads.clear();
  bool has_more = false;
  REQUIRE((rows({}) == expected({}, has_more)));
  int leaps = 0;
  for (std::size_t i = 1; i < reads.size(); ++i) {
    const bool follows =
        reads[i].path == reads[i - 1].path && reads[i].offset > reads[i - 1].offset;
    if (!follows) ++leaps;
  }
  // Two runs, between which the keys go to and fro: not one in order, and not as they were put.
  CHECK(leaps > 20);
  CHECK(leaps < kKeys / 2);
}

TEST_CASE_FIXTURE(ScannedStore, "merges may move and remove segments while a cursor is half way") {
  constexpr int kKeys = 4000;
  for (int i = 0; i < kKeys; ++i) put(key(i * 7919 % kKeys), value(i));
  bool has_more = false;
  RangeOptions range;
  SUBCASE("forward") {}
  SUBCASE("in reverse") { range.is_reverse = true; }
  const Rows before = expected(range, has_more);
  Cursor cursor = store->range(range);
  Rows seen;
  for (int round = 0; round < 5; ++round) {
    for (int i = 0; i < 500; ++i) {
      REQUIRE(cursor.next() == Cursor::Step::kItem);
      seen.emplace_back(cursor.item().key, cursor.item().value);
    }
    for (int i = round; i < kKeys; i += 3) put(key(i), "new");
    for (int i = round; i < kKeys; i += 5) REQUIRE(store->del(key(i)).has_value());
    const auto merged = store->merge();
    REQUIRE(merged.has_value());
    CHECK(merged->inputs > 0);
  }
  for (auto& row : rest(cursor)) seen.push_back(std::move(row));
  CHECK(seen == before);
}

TEST_CASE_FIXTURE(ScannedStore, "an item that was moved from does not harm the next one") {
  put_in_order(300);
  put(key(150), std::string(500'000, 'x'));
  Cursor cursor = store->range({});
  for (int i = 0; i < 300; ++i) {
    REQUIRE(cursor.next() == Cursor::Step::kItem);
    const std::string taken_key = std::move(cursor.item().key);
    const std::string taken_value = std::move(cursor.item().value);
    REQUIRE(taken_key == key(i));
    REQUIRE(taken_value == (i == 150 ? std::string(500'000, 'x') : value(i)));
  }
}
