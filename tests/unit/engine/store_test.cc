#include "kv/store.h"

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <random>
#include <thread>

#include <doctest/doctest.h>

#include "tests/support/scratch_dir.h"

using kv::Batch;
using kv::Condition;
using kv::Cursor;
using kv::Errc;
using kv::Options;
using kv::Store;
using kv::Sync;

namespace {

// A database on disk with the verbs of a story. crash() leaves the files as a kill -9 would:
// whatever was written, nothing sealed.
struct StoreOnDisk {
  kv::test::ScratchDir scratch;
  std::string path = scratch.path() + "/db";
  Options options;
  std::optional<Store> store;

  StoreOnDisk() {
    options.segment_size_max = 16 * 1024;
    options.merges_automatically = false;  // crash() copies files that must stay
    open();
  }
  void open() {
    auto opened = Store::open(path, options);
    REQUIRE_MESSAGE(opened.has_value(), (opened ? "" : describe(opened.error())));
    store = std::move(*opened);
  }
  void reopen() {
    store.reset();
    open();
  }
  // Copies the files while the store is open, and opens the copy.
  void crash() {
    const std::string next = scratch.path() + "/crash" + std::to_string(crashes++);
    copy_files(path, next);
    store.reset();
    path = next;
    open();
  }
  // The store's threads go on meanwhile: what they rename or remove under our hands is left out.
  static void copy_files(const std::string& from, const std::string& to) {
    std::filesystem::create_directory(to);
    for (const auto& entry : std::filesystem::directory_iterator(from)) {
      std::error_code error;
      const auto target = std::filesystem::path(to) / entry.path().filename();
      std::filesystem::copy(entry.path(), target, std::filesystem::copy_options::recursive, error);
      REQUIRE_MESSAGE((!error || error == std::errc::no_such_file_or_directory), error.message());
    }
  }
  kv::Version put(std::string_view key, std::string_view value) {
    auto version = store->put(key, value);
    REQUIRE(version.has_value());
    return *version;
  }
  std::string get(std::string_view key) const {
    auto value = store->get(key);
    if (!value) return value.error().code == Errc::kCorruption ? "(corrupt)" : "(error)";
    return *value ? (*value)->bytes : "(none)";
  }
  std::vector<std::string> keys(kv::RangeOptions range) const {
    std::vector<std::string> out;
    Cursor cursor = store->range(std::move(range));
    for (auto step = cursor.next(); step && *step == Cursor::Step::kItem; step = cursor.next()) {
      out.push_back(cursor.item().key);
    }
    return out;
  }
  int crashes = 0;
};

std::uint64_t seed_for_test() {
  const char* given = std::getenv("KV_SEED");
  return given != nullptr ? std::strtoull(given, nullptr, 10) : std::random_device()();
}

}  // namespace

TEST_CASE_FIXTURE(StoreOnDisk, "what was acknowledged is there after a close and after a kill") {
  put("a", "1");
  put("empty", "");
  put(std::string("\0\xff", 2), "bytes");
  put("gone", "x");
  CHECK(store->del("gone")->has_value());
  SUBCASE("closed") { reopen(); }
  SUBCASE("killed") { crash(); }
  SUBCASE("killed twice") {
    crash();
    crash();
  }
  CHECK(get("a") == "1");
  CHECK(get("empty").empty());
  CHECK(get(std::string("\0\xff", 2)) == "bytes");
  CHECK(get("gone") == "(none)");
  CHECK(store->stats().keys == 3);
}

TEST_CASE_FIXTURE(StoreOnDisk, "versions rise and go on after a restart") {
  const auto first = put("a", "1");
  const auto second = put("a", "2");
  CHECK(second == first + 1);
  crash();
  CHECK(put("a", "3") == second + 1);
  CHECK((*store->get("a"))->version == second + 1);
}

TEST_CASE_FIXTURE(StoreOnDisk, "conditions are judged by the newest state of the key") {
  kv::WriteOptions absent;
  absent.condition.kind = Condition::Kind::kAbsent;
  const auto made = store->put("k", "1", absent);
  REQUIRE(made.has_value());
  const auto again = store->put("k", "2", absent);
  REQUIRE_FALSE(again.has_value());
  CHECK(again.error().code == Errc::kConflict);
  CHECK(again.error().context.starts_with("ver=" + std::to_string(*made)));
  kv::WriteOptions at_version;
  at_version.condition = {Condition::Kind::kVersion, *made};
  const auto next = store->put("k", "3", at_version);
  REQUIRE(next.has_value());
  CHECK(store->put("k", "4", at_version).error().code == Errc::kConflict);
  CHECK(store->del("k", at_version).error().code == Errc::kConflict);
  at_version.condition.version = *next;
  CHECK(store->del("k", at_version)->has_value());
  CHECK_FALSE(store->del("k", at_version)->has_value());
  CHECK(get("k") == "(none)");
}

TEST_CASE_FIXTURE(StoreOnDisk, "a batch is one version, and of one key its last operation counts") {
  put("old", "x");
  Batch batch;
  batch.put("a", "1");
  batch.put("b", "2");
  batch.put("a", "3");
  batch.del("old");
  const auto version = store->write(batch);
  REQUIRE(version.has_value());
  SUBCASE("at once") {}
  SUBCASE("after a kill") { crash(); }
  SUBCASE("after a close") { reopen(); }
  CHECK(get("a") == "3");
  CHECK(get("b") == "2");
  CHECK(get("old") == "(none)");
  CHECK((*store->get("a"))->version == *version);
  CHECK((*store->get("b"))->version == *version);
}

TEST_CASE_FIXTURE(StoreOnDisk,
                  "keys and values over their limits are refused before anything is written") {
  const auto before = store->stats().last_version;
  CHECK(store->put("", "x").error().code == Errc::kInvalidArgument);
  CHECK(store->put(std::string(65537, 'k'), "x").error().code == Errc::kInvalidArgument);
  CHECK(store->put("k", std::string(64 * 1024 * 1024 + 1, 'v')).error().code ==
        Errc::kInvalidArgument);
  CHECK(store->write(Batch()).error().code == Errc::kInvalidArgument);
  CHECK(store->stats().last_version == before);
  put(std::string(65536, 'k'), "long key");
  const std::string large(64 * 1024 * 1024, 'v');
  put("large", large);
  crash();
  CHECK(get(std::string(65536, 'k')) == "long key");
  CHECK(get("large") == large);
}

TEST_CASE_FIXTURE(StoreOnDisk, "a range is half open, ordered, limited, and sees one moment") {
  for (const char* key : {"a", "b", "ba", "bb", "c"}) put(key, key);
  using Keys = std::vector<std::string>;
  CHECK(keys({.start = "b", .end = "c"}) == Keys{"b", "ba", "bb"});
  CHECK(keys({.start = "b", .end = "c", .limit = 2, .is_reverse = true}) == Keys{"bb", "ba"});
  CHECK(keys(kv::prefix_range("b")) == Keys{"b", "ba", "bb"});
  CHECK(keys({.start = "c", .end = "b"}).empty());
  const kv::Snapshot snapshot = store->snapshot();
  CHECK(store->del("b")->has_value());
  put("ba", "new");
  put("d", "d");
  Cursor cursor = store->range({}, snapshot);
  std::string seen;
  for (auto step = cursor.next(); step && *step == Cursor::Step::kItem; step = cursor.next()) {
    seen += cursor.item().key + "=" + cursor.item().value + " ";
  }
  CHECK(seen == "a=a b=b ba=ba bb=bb c=c ");
  CHECK(keys({}) == Keys{"a", "ba", "bb", "c", "d"});
  CHECK(keys(kv::prefix_range("\xff")).empty());
}

TEST_CASE_FIXTURE(StoreOnDisk, "what a read will take is known before it, and little too much") {
  const std::vector<std::size_t> sizes = {0, 1, 1000, 100'000, 3'000'000};
  const auto is_near = [](std::uint64_t told, std::size_t size) {
    return told >= size && told <= size + size / 32 + 100;
  };
  for (const std::size_t size : sizes) {
    REQUIRE(store->put("k" + std::to_string(10'000'000 + size), std::string(size, 'v')));
    CHECK(is_near(store->read_size("k" + std::to_string(10'000'000 + size)), size));
  }
  CHECK(store->read_size("k") == 0);
  Cursor cursor = store->range({});
  for (const std::size_t size : sizes) {
    CHECK(is_near(cursor.read_size(), size));
    REQUIRE(cursor.next());
    CHECK(cursor.item().value.size() == size);
  }
  CHECK(cursor.read_size() == 0);
  kv::RangeOptions range;
  range.is_keys_only = true;
  CHECK(store->range(range).read_size() == 0);
  range = {};
  range.limit = 0;
  CHECK(store->range(range).read_size() == 0);
}

TEST_CASE_FIXTURE(StoreOnDisk, "a large value is not read in passing, even from memory") {
  const auto is_deferred = [this](std::size_t size) {
    REQUIRE(store->put("k", std::string(size, 'v')));
    const auto value = store->get("k", kv::ReadMode::kNoWait);
    Cursor cursor = store->range({});
    const auto step = cursor.next(kv::ReadMode::kNoWait);
    REQUIRE(step);
    CHECK((*step == Cursor::Step::kWouldBlock) == !value);
    if (!value) CHECK(value.error().code == Errc::kWouldBlock);
    return !value;
  };
  CHECK_FALSE(is_deferred(kv::kNoWaitSizeMax - 100'000));
  CHECK(is_deferred(kv::kNoWaitSizeMax + 1));
  CHECK(store->stats().reads_deferred == 2);
  CHECK(store->get("k")->value().bytes.size() == kv::kNoWaitSizeMax + 1);
}

namespace {

// What get_many() tells, "(none)" for keys that are not there.
struct Told final : kv::ReadListener {
  std::size_t wanted = SIZE_MAX;
  std::vector<std::string> values;
  std::vector<kv::Version> versions;
  [[nodiscard]] bool on_read(std::size_t number,
                             const kv::Result<std::optional<kv::ValueView>>& value) override {
    CHECK(number == values.size());
    const bool is_there = value && *value;
    values.push_back(!value     ? describe(value.error())
                     : is_there ? std::string((*value)->bytes)
                                : "(none)");
    versions.push_back(is_there ? (*value)->version : 0);
    return values.size() < wanted;
  }
};

}  // namespace

TEST_CASE_FIXTURE(StoreOnDisk, "many keys read together are as each of them alone") {
  std::vector<std::string> names;
  for (int i = 0; i < 200; ++i) names.push_back("key" + std::to_string(i));
  const std::vector<std::string_view> keys(names.begin(), names.end());
  std::mt19937_64 random(5);
  for (int round = 0; round < 20; ++round) {
    for (int i = 0; i < 100; ++i) {
      const std::string& key = names[random() % names.size()];
      if (random() % 4 == 0) {
        REQUIRE(store->del(key).has_value());
      } else {
        put(key, std::string(random() % 6000, 'v') + std::to_string(i));
      }
    }
    if (round % 5 == 0) REQUIRE(store->merge().has_value());
    Told told;
    store->get_many(keys, kv::ReadMode::kMayBlock, told);
    REQUIRE(told.values.size() == keys.size());
    for (std::size_t i = 0; i < names.size(); ++i) {
      const auto alone = store->get(names[i]);
      REQUIRE(alone.has_value());
      CHECK(told.values[i] == (*alone ? (*alone)->bytes : "(none)"));
      CHECK(told.versions[i] == (*alone ? (*alone)->version : 0));
    }
  }
  CHECK(store->stats().cache.hits > 0);
  CHECK(store->stats().cache.misses > 0);
  Told first;
  first.wanted = 3;
  store->get_many(keys, kv::ReadMode::kMayBlock, first);
  CHECK(first.values.size() == 3);
  REQUIRE(store->close());
  Told refused;
  store->get_many(std::span(keys).first(1), kv::ReadMode::kMayBlock, refused);
  CHECK(refused.values == std::vector<std::string>{describe(store->get("k").error())});
}

TEST_CASE_FIXTURE(StoreOnDisk,
                  "a small value is in the cache from its write on, wherever it goes") {
  const auto key = [](int i) { return "key" + std::to_string(i); };
  const auto value = [](int i) { return "value" + std::to_string(i); };
  const auto all_are_right = [&] {
    for (int i = 0; i < 100; ++i) CHECK(get(key(i)) == value(i));
  };
  for (int i = 0; i < 200; ++i) put(key(i % 100), value(i % 100));
  all_are_right();
  REQUIRE(store->merge().has_value());  // half of it is dead
  all_are_right();
  CHECK(store->stats().cache.hits == 200);
  CHECK(store->stats().cache.misses == 0);
  reopen();
  all_are_right();
  CHECK(store->stats().cache.misses == 100);
}

TEST_CASE_FIXTURE(StoreOnDisk, "a value that was cached is never served for a newer one") {
  std::atomic<std::uint64_t> written{0};
  put("k", "0");
  kv::WriteOptions unsynced;
  unsynced.sync = Sync::kNone;
  std::jthread writer([&] {
    for (std::uint64_t i = 1; i < 3000; ++i) {
      if (!store->put("k", std::to_string(i), unsynced)) std::abort();
      written = i;
      if (i % 500 == 0 && !store->merge()) std::abort();
    }
  });
  std::uint64_t seen = 0;
  while (seen < 2999) {
    const std::uint64_t least = written;
    const auto value = store->get("k");
    if (!value || !*value) std::abort();
    seen = std::stoull((*value)->bytes);
    if (seen < least) std::abort();
  }
  CHECK(store->stats().cache.hits > 0);
}

TEST_CASE_FIXTURE(StoreOnDisk, "a second open of the same directory is refused") {
  const auto second = Store::open(path, options);
  REQUIRE_FALSE(second.has_value());
  CHECK(second.error().code == Errc::kLocked);
}

TEST_CASE("a directory that holds something else is left alone") {
  kv::test::ScratchDir scratch;
  std::ofstream(scratch.path() + "/letter") << "dear";
  const auto opened = Store::open(scratch.path());
  REQUIRE_FALSE(opened.has_value());
  CHECK(opened.error().code == Errc::kNotADatabase);
  std::size_t files = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(scratch.path()))
    ++files;
  CHECK(files == 1);
}

TEST_CASE_FIXTURE(StoreOnDisk, "descriptors of sealed segments are bounded") {
  options.open_segments_max = 3;
  reopen();
  // Rotation happens beside the writers: as many as it takes.
  int keys = 0;
  while (keys < 400 || store->stats().segments.size() <= 10)
    put("key" + std::to_string(keys++), std::string(1000, 'x'));
  for (int i = 0; i < keys; ++i) CHECK(get("key" + std::to_string(i)).size() == 1000);
  CHECK(store->stats().open_segment_files <= 4);
}

TEST_CASE_FIXTURE(StoreOnDisk, "a segment that was synced while it was active is sealed, too") {
  // Each write is synced by itself, so that nothing of a full segment is unsynced when the next
  // write goes to another.
  for (int i = 0; store->stats().segments.size() < 12; ++i)
    put("key" + std::to_string(i), std::string(1000, 'x'));
  store.reset();
  std::size_t hints = 0;
  std::size_t segments = 0;
  for (const auto& entry : std::filesystem::directory_iterator(path)) {
    if (entry.path().extension() == ".hint") ++hints;
    if (entry.path().extension() == ".seg" && entry.file_size() > 0) ++segments;
  }
  CHECK(segments > 10);
  CHECK(hints == segments);
}

TEST_CASE_FIXTURE(StoreOnDisk, "many writers in a group are all acknowledged and all there") {
  constexpr int kThreads = 8;
  constexpr int kEach = 200;
  std::vector<std::jthread> threads;
  std::atomic<int> failures{0};
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < kEach; ++i) {
        const std::string key = std::to_string(t) + "-" + std::to_string(i);
        const auto version = store->put(key, key);
        const auto value = store->get(key);
        const bool is_right = version && value && *value && (*value)->bytes == key;
        if (!is_right) ++failures;
      }
    });
  }
  threads.clear();
  CHECK(failures == 0);
  CHECK(store->stats().keys == kThreads * kEach);
  crash();
  CHECK(store->stats().keys == kThreads * kEach);
}

TEST_CASE_FIXTURE(StoreOnDisk, "the store answers as a sorted map does through kills and closes") {
  const std::uint64_t seed = seed_for_test();
  CAPTURE(seed);
  std::mt19937_64 random(seed);
  options.sync = Sync::kNone;
  reopen();
  std::map<std::string, std::string> model;
  for (int step = 0; step < 4000; ++step) {
    const std::string key = "k" + std::to_string(random() % 300);
    const auto choice = random() % 100;
    if (choice < 55) {
      const std::string value(random() % 300, static_cast<char>('a' + random() % 26));
      put(key, value);
      model[key] = value;
    } else if (choice < 80) {
      const auto deleted = store->del(key);
      REQUIRE(deleted.has_value());
      REQUIRE(deleted->has_value() == (model.erase(key) > 0));
    } else if (choice < 90) {
      Batch batch;
      for (int i = 0; i < 5; ++i) {
        const std::string member = "k" + std::to_string(random() % 300);
        if (random() % 3 == 0) {
          batch.del(member);
          model.erase(member);
        } else {
          batch.put(member, key);
          model[member] = key;
        }
      }
      REQUIRE(store->write(batch).has_value());
    } else if (choice == 90) {
      random() % 2 == 0 ? crash() : reopen();
    }
    const auto expected = model.find(key);
    REQUIRE(get(key) == (expected == model.end() ? "(none)" : expected->second));
  }
  crash();
  std::vector<std::string> expected;
  for (const auto& [key, value] : model) {
    expected.push_back(key);
    CHECK(get(key) == value);
  }
  CHECK(keys({}) == expected);
}

TEST_CASE_FIXTURE(StoreOnDisk, "a torn tail is cut, and opening twice changes nothing") {
  options.segment_size_max = 1024 * 1024;
  reopen();
  put("a", "1");
  put("b", "2");
  // Without the last record's padding, which zeros behind it would make whole again.
  const auto size = store->stats().segments.at(0).bytes - 6;
  REQUIRE(size > 64 + 2 * 56);
  bool has_zeros = false;
  SUBCASE("at the end of the file") {}
  SUBCASE("followed by zeros") { has_zeros = true; }
  const std::string copy = scratch.path() + "/whole";
  std::filesystem::copy(path, copy, std::filesystem::copy_options::recursive);
  store.reset();
  // Each length the last record can have been cut to.
  const auto second = 64 + 56;
  for (auto cut = static_cast<std::uintmax_t>(second); cut < size; cut += 5) {
    CAPTURE(cut);
    path = scratch.path() + "/cut" + std::to_string(cut);
    std::filesystem::copy(copy, path, std::filesystem::copy_options::recursive);
    std::filesystem::resize_file(path + "/000001.seg", cut);
    if (has_zeros) std::filesystem::resize_file(path + "/000001.seg", 4096);
    for (int round = 0; round < 2; ++round) {
      open();
      CHECK(get("a") == "1");
      CHECK((get("b") == "(none)" || get("b") == "(corrupt)"));
      store.reset();
    }
  }
}

TEST_CASE_FIXTURE(StoreOnDisk, "a flipped byte is never served wrong") {
  options.segment_size_max = 1024 * 1024;
  reopen();
  for (int i = 0; i < 6; ++i) put("key" + std::to_string(i), "old value " + std::to_string(i));
  for (int i = 3; i < 6; ++i) put("key" + std::to_string(i), "new value " + std::to_string(i));
  CHECK(store->del("key0")->has_value());
  bool with_hint = false;
  SUBCASE("in a segment with a hint") { with_hint = true; }
  SUBCASE("in a segment that was active") {}
  const std::string copy = scratch.path() + "/whole";
  if (with_hint) store.reset();
  std::filesystem::copy(path, copy, std::filesystem::copy_options::recursive);
  store.reset();
  const auto size = std::filesystem::file_size(copy + "/000001.seg");
  int told = 0;
  for (std::uintmax_t at = 0; at < size; at += 3) {
    CAPTURE(at);
    path = scratch.path() + "/flip";
    std::filesystem::remove_all(path);
    std::filesystem::copy(copy, path, std::filesystem::copy_options::recursive);
    {
      std::fstream file(path + "/000001.seg", std::ios::in | std::ios::out | std::ios::binary);
      file.seekg(static_cast<std::streamoff>(at));
      const int byte = file.get();
      file.seekp(static_cast<std::streamoff>(at));
      file.put(static_cast<char>(byte ^ 0x41));
    }
    open();
    for (int i = 0; i < 6; ++i) {
      const std::string value = get("key" + std::to_string(i));
      const std::string right = i == 0   ? "(none)"
                                : i >= 3 ? "new value " + std::to_string(i)
                                         : "old value " + std::to_string(i);
      if (value == "(corrupt)") ++told;
      // What no sync mark proves to have been synced may be cut as a torn tail, when it was active.
      const bool is_cut = !with_hint && store->stats().recovery.bytes_cut > 0;
      const bool is_right = value == right || value == "(corrupt)" || is_cut;
      CHECK_MESSAGE(is_right, "key" << i << " answered " << value);
    }
    store.reset();
  }
  CHECK(told > 0);
}
