#include "engine/scrubber.h"

#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "engine/store_impl.h"
#include "io/sim_file_system.h"

namespace {

using namespace std::chrono_literals;
using kv::io::SimOperation;

// A database on a simulated disk, its segments in a table of their own, and a clock to turn.
struct Scrubbed : kv::EventListener {
  kv::io::SimFileSystem fs;
  std::unique_ptr<kv::engine::DataDirectory> dir;
  std::unique_ptr<kv::engine::SegmentTable> table;
  std::unique_ptr<kv::engine::Scrubber> scrubber;
  kv::engine::Scrubber::Clock::time_point now{};
  kv::engine::RatePace pace{0};
  std::vector<std::string> events;

  Scrubbed() {
    kv::Options options;
    options.segment_size_max = 4096;
    options.merges_automatically = false;
    auto store = kv::StoreImpl::open(fs, "/db", options, kv::Background::kCaller);
    REQUIRE(store.has_value());
    for (int i = 0; i < 120; ++i) {
      kv::Write write;
      const std::string key = "key" + std::to_string(i);
      write.key = key;
      const std::string value(100, 'v');
      write.value = value;
      REQUIRE((*store)->write(write).has_value());
    }
    REQUIRE((*store)->close().has_value());
    store->reset();
    open();
  }
  void open() {
    auto opened = kv::engine::DataDirectory::open(fs, "/db", "", false, nullptr);
    REQUIRE(opened.has_value());
    dir = std::move(*opened);
    table = std::make_unique<kv::engine::SegmentTable>(fs, 16);
    for (const auto& [id, info] : dir->manifest().state().segments) {
      if (!info.is_sealed) continue;
      auto segment = table->add(dir->segment_path(id), id, info.kind, info.salt);
      REQUIRE(segment.has_value());
      (*segment)->size = info.size;
      (*segment)->is_sealed = true;
    }
    scrubber = std::make_unique<kv::engine::Scrubber>(
        kv::engine::Scrubber::Settings{0, [this] { return now; }}, *dir, *table, this);
  }
  void on_event(const kv::Event& event) override {
    events.push_back(std::string(event.name) + " " + event.details);
  }
  bool step() {
    const auto done = scrubber->step(pace);
    REQUIRE(done.has_value());
    return *done;
  }
  std::size_t segments() const { return table->all()->size(); }
};

}  // namespace

TEST_CASE_FIXTURE(Scrubbed, "a round reads every segment once, and the next waits for its time") {
  REQUIRE(segments() >= 3);
  now += 1h;
  CHECK(scrubber->stats().oldest_unverified_age_s == 3600);
  for (std::size_t i = 0; i < segments(); ++i) {
    CHECK(scrubber->stats().rounds == 0);
    CHECK(step());
  }
  CHECK(scrubber->stats().rounds == 1);
  CHECK(scrubber->stats().oldest_unverified_age_s == 0);
  CHECK_FALSE(step());
  now += kv::engine::Scrubber::kRest;
  CHECK(scrubber->stats().oldest_unverified_age_s == 600);
  for (std::size_t i = 0; i < segments(); ++i) CHECK(step());
  CHECK_FALSE(step());
  CHECK(scrubber->stats().rounds == 2);
  CHECK(scrubber->stats().findings == 0);
  CHECK(scrubber->stats().bytes >= 2 * 120 * 150);
  CHECK(events.empty());
}

TEST_CASE_FIXTURE(Scrubbed, "damage is told once, with its place, and the segment is marked") {
  const auto segment = table->all()->front();
  fs.flip(segment->path(), 64 + 24 + 48 + 60, 1);
  for (int round = 0; round < 2; ++round) {
    while (step()) {
    }
    now += kv::engine::Scrubber::kRest;
  }
  REQUIRE(events.size() == 1);
  CHECK(events[0].find("scrub found damage") == 0);
  CHECK(events[0].find(segment->path()) != std::string::npos);
  CHECK(segment->is_damaged);
  CHECK(scrubber->stats().findings == 1);
}

TEST_CASE_FIXTURE(Scrubbed, "a damaged hint is told and marks nothing") {
  const auto segment = table->all()->front();
  fs.flip(dir->hint_path(segment->id()), 120, 1);
  while (step()) {
  }
  REQUIRE(events.size() == 1);
  CHECK(events[0].find("hint damaged") != std::string::npos);
  CHECK_FALSE(segment->is_damaged);
}

TEST_CASE_FIXTURE(Scrubbed, "a read that the system refuses once is told and marks nothing") {
  const auto segment = table->all()->front();
  for (std::size_t told = 1; told <= 2; ++told) {
    fs.plan({.operation = SimOperation::kRead, .path_part = segment->path()});
    while (step()) {
    }
    REQUIRE(events.size() == told);
    CHECK(events.back().find("file unreadable\" file=" + segment->path()) != std::string::npos);
    CHECK_FALSE(segment->is_damaged);
    // It is looked at again, alone, and only then the round is over.
    CHECK(scrubber->stats().rounds == told - 1);
    now += kv::engine::Scrubber::kRest;
    CHECK(step());
    CHECK(scrubber->stats().rounds == told);
    CHECK_FALSE(segment->is_damaged);
    now += kv::engine::Scrubber::kRest;
  }
  while (step()) {
  }
  CHECK(events.size() == 2);
}

TEST_CASE_FIXTURE(Scrubbed, "a segment that stays unreadable is marked until it can be read") {
  const auto segment = table->all()->front();
  fs.plan({.operation = SimOperation::kRead, .count = UINT64_MAX, .path_part = segment->path()});
  CHECK(scrubber->verify({})->findings.size() == 1);
  CHECK_FALSE(segment->is_damaged);
  CHECK(scrubber->verify({})->findings.size() == 1);
  CHECK(segment->is_damaged);
  CHECK(events.size() == 1);
  fs.clear_faults();
  CHECK(scrubber->verify({})->findings.empty());
  CHECK_FALSE(segment->is_damaged);
  REQUIRE(events.size() == 2);
  CHECK(events.back().find("sound again") != std::string::npos);
}

TEST_CASE_FIXTURE(Scrubbed, "a mark that somebody else made stays") {
  // Recovery has set something of it aside: what the index says of it is not all it holds.
  const auto segment = table->all()->front();
  segment->is_damaged = true;
  while (step()) {
  }
  CHECK(segment->is_damaged);
  CHECK(events.empty());
}

TEST_CASE_FIXTURE(Scrubbed, "an unreadable hint is told under its own name and marks nothing") {
  const auto segment = table->all()->front();
  const std::string hint = dir->hint_path(segment->id());
  fs.plan({.operation = SimOperation::kRead, .count = UINT64_MAX, .path_part = hint});
  const auto report = scrubber->verify({});
  REQUIRE(report.has_value());
  REQUIRE(report->findings.size() == 1);
  CHECK(report->findings[0].file == hint);
  CHECK_FALSE(report->findings[0].loses_data);
  CHECK(scrubber->verify({})->findings.size() == 1);
  CHECK_FALSE(segment->is_damaged);
}

TEST_CASE_FIXTURE(Scrubbed, "a verification on demand finds what the scrub finds, at once") {
  const auto segment = table->all()->back();
  fs.flip(segment->path(), 64 + 24 + 48 + 60, 1);
  const auto report = scrubber->verify({});
  REQUIRE(report.has_value());
  CHECK(report->segments == segments());
  REQUIRE(report->findings.size() == 1);
  CHECK(report->findings[0].keys.size() == 1);
  CHECK(scrubber->verify({})->findings.size() == 1);
  CHECK(events.size() == 1);
}

TEST_CASE_FIXTURE(Scrubbed, "a stopped scrub reads no further") {
  scrubber->stop();
  const auto done = scrubber->step(pace);
  REQUIRE_FALSE(done.has_value());
  CHECK(done.error().code == kv::Errc::kClosed);
}

TEST_CASE_FIXTURE(Scrubbed, "a segment that is merged away meanwhile is let go, and no finding") {
  class TakeOut final : public kv::engine::ReadPace {
   public:
    explicit TakeOut(kv::engine::SegmentTable& table) : table_(table) {}
    bool go_on(std::uint64_t) override {
      table_.remove(table_.all()->front()->slot());
      unused += table_.take_unused().size();
      return true;
    }
    std::size_t unused = 0;

   private:
    kv::engine::SegmentTable& table_;
  } taking(*table);
  const std::size_t before = segments();
  REQUIRE(scrubber->step(taking).has_value());
  CHECK(segments() == before - 1);
  CHECK(taking.unused == 1);
  CHECK(events.empty());
  CHECK(scrubber->stats().bytes == 0);
}
