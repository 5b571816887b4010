#include <algorithm>
#include <ostream>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "engine/store_impl.h"
#include "io/sim_file_system.h"

using kv::Background;
using kv::Errc;
using kv::Options;
using kv::Store;
using kv::StoreImpl;
using kv::io::CrashMode;
using kv::io::SimFileSystem;
using kv::io::SimOperation;

// Stories that once went wrong, each by itself; src/torture looks for new ones.
namespace {

struct CrashyStore : private kv::EventListener {
  SimFileSystem fs{1};
  Options options;
  std::optional<Store> store;
  std::vector<std::string> alarms;

  CrashyStore() {
    options.segment_size_max = 4096;
    options.listener = this;
    open();
  }
  ~CrashyStore() override { store.reset(); }
  void open() {
    store.reset();
    alarms.clear();  // a store that closes while the machine is off complains
    auto opened = StoreImpl::open(fs, "/db", options, Background::kCaller);
    REQUIRE_MESSAGE(opened.has_value(), describe(opened.error()));
    store = StoreImpl::wrap(std::move(*opened));
  }
  // The process dies, and starts again with what the system has in memory.
  void die_and_open() {
    fs.lose_power();
    fs.restart(CrashMode::kKeepCache);
    open();
  }
  void cut_power_and_open() {
    fs.lose_power();
    fs.restart(CrashMode::kLoseUnsynced);
    open();
  }
  void put(const std::string& key, const std::string& value) {
    const auto version = store->put(key, value);
    REQUIRE_MESSAGE(version.has_value(), describe(version.error()));
  }
  std::string get(const std::string& key) const {
    const auto value = store->get(key);
    if (!value) return "(" + describe(value.error()) + ")";
    return *value ? (*value)->bytes : "(none)";
  }
  // Writes k0, k1, ... in one go; how many a full disk refused.
  int refused_together(const std::vector<std::string>& values) {
    struct Outcome : kv::WriteListener {
      int refused = 0;
      void on_written(const kv::WriteTag&, kv::Result<kv::WriteResult> result) override {
        if (!result && result.error().code == Errc::kNoSpace) ++refused;
      }
    } outcome;
    for (std::size_t i = 0; i < values.size(); ++i) {
      const std::string key = "k" + std::to_string(i);
      kv::Write write;
      write.key = key;
      write.value = values[i];
      store->submit(write, outcome, {});
    }
    store->flush();
    return outcome.refused;
  }
  std::uint64_t used() {
    const auto space = fs.space("/db");
    return space->total_bytes - space->free_bytes;
  }
  void on_event(const kv::Event& event) override {
    if (event.level == kv::Event::Level::kError)
      alarms.push_back(std::string(event.name) + " " + event.details);
  }
};

}  // namespace

TEST_CASE_FIXTURE(CrashyStore, "what a failed sync left in memory alone is durable once opened") {
  put("a", "1");
  fs.plan({.operation = SimOperation::kSync, .path_part = ".seg"});
  CHECK(store->put("b", "2").error().code == Errc::kUnknownOutcome);
  CHECK(store->put("c", "3").error().code == Errc::kReadOnly);
  SUBCASE("by the same process") { open(); }
  SUBCASE("by the next one") { die_and_open(); }
  CHECK(get("b") == "2");
  put("d", "4");
  cut_power_and_open();
  CHECK(get("a") == "1");
  CHECK(get("b") == "2");
  CHECK(get("d") == "4");
  CHECK(alarms.empty());
}

TEST_CASE_FIXTURE(CrashyStore, "so is a segment whose very first sync failed, with its header") {
  put("a", "1");
  die_and_open();  // the next record begins a segment
  fs.plan({.operation = SimOperation::kSync, .path_part = ".seg"});
  CHECK(store->put("b", "2").error().code == Errc::kUnknownOutcome);
  die_and_open();
  CHECK(get("b") == "2");
  fs.lose_power();
  fs.restart(CrashMode::kLoseUnsynced);
  // Who has the hint does not look at the header.
  const auto names = fs.list("/db");
  REQUIRE(names.has_value());
  for (const std::string& name : *names) {
    if (name.ends_with(".hint")) REQUIRE(fs.remove("/db/" + name).has_value());
  }
  open();
  CHECK(get("a") == "1");
  CHECK(get("b") == "2");
  CHECK(alarms.empty());
}

TEST_CASE_FIXTURE(CrashyStore, "a segment that a full disk left empty takes no later records") {
  const std::string value(4'500, 'v');
  // Room for a second segment's entry, and not for a record in the first.
  fs.set_capacity(used() + 100);
  CHECK(store->put("k", value).error().code == Errc::kNoSpace);
  // Now the first of the two fills the first segment, and the other begins the second.
  CHECK(refused_together({value, value}) == 2);
  fs.set_capacity(std::uint64_t{1} << 30);
  for (int i = 0; i < 4; ++i) put("b" + std::to_string(i), value);
  open();
  for (int i = 0; i < 4; ++i) put("c" + std::to_string(i), "small");
  cut_power_and_open();
  for (int i = 0; i < 4; ++i) {
    CHECK(get("k" + std::to_string(i)) == "(none)");
    CHECK(get("b" + std::to_string(i)) == value);
    CHECK(get("c" + std::to_string(i)) == "small");
  }
  CHECK(alarms.empty());
}

TEST_CASE_FIXTURE(CrashyStore, "what a full disk refused does not come back, whatever survives") {
  options.segment_size_max = 16 * 1024;
  open();
  put("a", "1");
  // Each would find room, and all together do not, zeros ahead of the log or not.
  fs.set_capacity(used() + 4'000);
  const std::string value(1'900, 'x');
  CHECK(refused_together({value, value, value, value, value}) == 5);
  fs.lose_power();
  const kv::io::SimDisk before = fs.disk();
  for (std::uint64_t variant = 0; variant < 100; ++variant) {
    CAPTURE(variant);
    fs.restore(before);
    fs.set_capacity(std::uint64_t{1} << 30);
    fs.restart(CrashMode::kRandom, variant);
    open();
    CHECK(get("a") == "1");
    CHECK(store->stats().keys == 1);
    fs.lose_power();
  }
}

TEST_CASE_FIXTURE(CrashyStore, "after a full disk has room again segments are sealed as before") {
  fs.set_capacity(used() + 4'300);
  while (store->put("k", std::string(500, 'x')).has_value()) {
  }
  fs.set_capacity(std::uint64_t{1} << 30);
  for (int i = 0; i < 30; ++i) put("k" + std::to_string(i), std::string(500, 'y'));
  CHECK(store->stats().segments.size() > 3);
  CHECK(store->close().has_value());
}

TEST_CASE_FIXTURE(CrashyStore, "a segment header that a crash tore raises no alarm") {
  options.sync = kv::Sync::kNone;
  open();
  put("a", std::string(2'000, 'a'));
  fs.lose_power();
  const kv::io::SimDisk before = fs.disk();
  for (std::uint64_t variant = 0; variant < 100; ++variant) {
    CAPTURE(variant);
    fs.restore(before);
    fs.restart(CrashMode::kRandom, variant);
    open();
    CHECK(alarms.empty());
    const std::string value = get("a");
    CHECK((value == "(none)" || value == std::string(2'000, 'a')));
    fs.lose_power();
  }
}

TEST_CASE_FIXTURE(CrashyStore, "wherever the power goes, zeros ahead of the log harm no record") {
  constexpr int kPuts = 20;
  options.segment_size_max = 16 * 1024;
  open();
  fs.lose_power();
  const kv::io::SimDisk before = fs.disk();
  const std::string value(500, 'v');
  const std::vector<std::pair<CrashMode, std::uint64_t>> aftermaths = {
      {CrashMode::kLoseUnsynced, 0}, {CrashMode::kKeepAll, 0}, {CrashMode::kKeepCache, 0},
      {CrashMode::kRandom, 1},       {CrashMode::kRandom, 2},  {CrashMode::kRandom, 3}};
  int acknowledged = 0;
  for (std::uint64_t cut = 0; acknowledged < kPuts; ++cut) {
    CAPTURE(cut);
    fs.restore(before);
    fs.restart(CrashMode::kLoseUnsynced);
    open();
    fs.lose_power_after(cut);
    acknowledged = 0;
    while (acknowledged < kPuts && store->put("k" + std::to_string(acknowledged), value)) {
      ++acknowledged;
    }
    CAPTURE(fs.last_words());
    fs.keep_power();
    fs.lose_power();
    const kv::io::SimDisk after = fs.disk();
    for (const auto& [mode, variant] : aftermaths) {
      CAPTURE(variant);
      fs.restore(after);
      fs.restart(mode, variant);
      open();
      for (int i = 0; i < acknowledged; ++i) REQUIRE(get("k" + std::to_string(i)) == value);
      CHECK(store->stats().keys <= static_cast<std::uint64_t>(acknowledged) + 1);
      CHECK(alarms.empty());
      fs.lose_power();
    }
  }
}
