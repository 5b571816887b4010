#include <algorithm>
#include <optional>
#include <ostream>
#include <string>

#include <doctest/doctest.h>

#include "engine/store_impl.h"
#include "io/sim_file_system.h"
#include "tests/unit/engine/support/log_model.h"

using kv::Store;
using kv::StoreImpl;
using kv::io::CrashMode;
using kv::io::SimDisk;
using kv::io::SimFileSystem;
using kv::test::LogModel;
using kv::test::ModelChange;
using kv::test::ModelState;

// Not a matter of luck: one short life of a store, cut off at every change it makes to the disk,
// and each start after that cut off at every change, too.
namespace {

struct Aftermath {
  CrashMode mode;
  std::uint64_t variant;
};
constexpr Aftermath kAftermaths[] = {{CrashMode::kLoseUnsynced, 0}, {CrashMode::kKeepAll, 0},
                                     {CrashMode::kKeepCache, 0},    {CrashMode::kRandom, 1},
                                     {CrashMode::kRandom, 2},       {CrashMode::kRandom, 3}};

class ShortLife : private kv::EventListener {
 public:
  SimFileSystem fs{1};
  LogModel model;

  ShortLife() {
    options_.segment_size_max = 4096;
    options_.sync = kv::Sync::kNone;
    options_.listener = this;
  }
  ~ShortLife() override { store_.reset(); }

  bool open() {
    store_.reset();
    alarms_.clear();
    auto opened = StoreImpl::open(fs, "/db", options_, kv::Background::kCaller);
    if (!opened && fs.is_on()) FAIL(describe(opened.error()));
    if (opened) store_ = StoreImpl::wrap(std::move(*opened));
    return opened.has_value();
  }
  // To its end, or to where the power goes.
  void live() {
    if (open() && fill() && close() && open()) fill();
    store_.reset();
  }
  // What a start finds is a prefix of the log and no less than was promised.
  void check_start() {
    REQUIRE(open());
    for (const std::string& alarm : alarms_) FAIL_CHECK(alarm);
    const kv::Version version = store_->stats().last_version;
    REQUIRE(version >= model.promised());
    REQUIRE(version <= model.last());
    check_content(model.at(version));
    // It can be written to, and does so as promised.
    REQUIRE(store_->put("after", "x").value() == version + 1);
    store_.reset();
  }

 private:
  void check_content(const ModelState& expected) {
    kv::Cursor cursor = store_->range({});
    for (const auto& [key, value] : expected) {
      const auto step = cursor.next();
      REQUIRE(step.has_value());
      REQUIRE(*step == kv::Cursor::Step::kItem);
      REQUIRE(cursor.item().key == key);
      REQUIRE(cursor.item().value == value.bytes);
      REQUIRE(cursor.item().version == value.version);
    }
    REQUIRE(cursor.next().value() == kv::Cursor::Step::kEnd);
  }
  bool fill() {
    using kv::Sync;
    return put("a", 100, Sync::kNone) && put("b", 1'500, Sync::kDisk) && del("a") && batch() &&
           put("c", 2'500, Sync::kNone) && put("b", 10, Sync::kNone) && del("c") &&
           put("d", 4'000, Sync::kDisk) && put("a", 700, Sync::kNone) && sync() && batch() &&
           put("e", 4'200, Sync::kNone) && put("d", 0, Sync::kNone);
  }
  bool put(const std::string& key, std::size_t size, kv::Sync sync) {
    const std::string value(size, 'v');
    kv::WriteOptions write;
    write.sync = sync;
    return judge(model.attempt({{key, value}}), store_->put(key, value, write), sync);
  }
  bool del(const std::string& key) {
    const kv::Version version = model.attempt({{key, std::nullopt}});
    return judge(version,
                 store_->del(key).map([](std::optional<kv::Version> made) { return *made; }),
                 kv::Sync::kNone);
  }
  bool batch() {
    kv::Batch batch;
    std::vector<ModelChange> changes;
    for (const char* key : {"x", "y", "b"}) {
      batch.put(key, std::string(400, 'b'));
      changes.push_back({key, std::string(400, 'b')});
    }
    batch.del("d");
    changes.push_back({"d", std::nullopt});
    return judge(model.attempt(changes), store_->write(batch), kv::Sync::kNone);
  }
  bool judge(kv::Version version, const kv::Result<kv::Version>& made, kv::Sync sync) {
    // The power may also go after the write, in what the store does about its segments.
    REQUIRE((made.has_value() || !fs.is_on()));
    if (!made) return false;
    REQUIRE(*made == version);
    model.promise(version, sync == kv::Sync::kDisk);
    return fs.is_on();
  }
  bool sync() { return promise_all(store_->sync()); }
  bool close() { return promise_all(store_->close()); }
  bool promise_all(const kv::Result<void>& done) {
    REQUIRE((done.has_value() || !fs.is_on()));
    if (done) model.promise(model.last(), true);
    return done.has_value() && fs.is_on();
  }
  void on_event(const kv::Event& event) override {
    if (event.level != kv::Event::Level::kError) return;
    alarms_.push_back(std::string(event.name) + " " + event.details);
  }

  kv::Options options_;
  std::optional<Store> store_;
  std::vector<std::string> alarms_;
};

// Starts at each of the ways in which what the machine held can have survived.
template <class Start>
void for_each_aftermath(ShortLife& life, Start start) {
  const SimDisk died = life.fs.disk();
  const LogModel model = life.model;
  for (const Aftermath& aftermath : kAftermaths) {
    CAPTURE(static_cast<int>(aftermath.mode));
    CAPTURE(aftermath.variant);
    life.fs.restore(died);
    life.fs.restart(aftermath.mode, aftermath.variant);
    life.model = model;
    if (aftermath.mode != CrashMode::kKeepCache) life.model.lose_cache();
    start();
  }
}

}  // namespace

TEST_CASE("wherever the power goes, the next start finds what was promised") {
  bool is_whole = false;
  std::uint64_t at = 0;
  for (; !is_whole; ++at) {
    CAPTURE(at);
    ShortLife life;
    life.fs.lose_power_after(at);
    life.live();
    is_whole = life.fs.is_on();
    if (is_whole) life.fs.lose_power();
    for_each_aftermath(life, [&] { life.check_start(); });
  }
  CHECK(at > 100);
}

TEST_CASE("wherever the power goes, and goes again in the next start, the one after is right") {
  std::uint64_t starts = 0;
  bool is_whole = false;
  // Every seventh change: the cut inside the start makes up for the others.
  for (std::uint64_t at = 0; !is_whole; at += 7) {
    CAPTURE(at);
    ShortLife life;
    life.fs.lose_power_after(at);
    life.live();
    is_whole = life.fs.is_on();
    if (is_whole) life.fs.lose_power();
    const SimDisk died = life.fs.disk();
    const LogModel model = life.model;
    bool has_started = false;
    for (std::uint64_t again = 0; !has_started; ++again) {
      CAPTURE(again);
      life.fs.restore(died);
      life.fs.restart(CrashMode::kRandom, at);
      life.model = model;
      life.model.lose_cache();
      life.fs.lose_power_after(again);
      has_started = life.open();
      life.fs.keep_power();
      if (life.fs.is_on()) life.fs.lose_power();
      for_each_aftermath(life, [&] { life.check_start(); });
      ++starts;
    }
  }
  CHECK(starts > 100);
}
