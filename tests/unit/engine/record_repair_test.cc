#include "engine/record_repair.h"

#include <set>
#include <string>

#include <doctest/doctest.h>

#include "tests/unit/engine/support/led_node.h"

using kv::engine::Place;
using kv::engine::RecordRepair;
using kv::test::LedNode;

namespace {

constexpr std::size_t kAll = 1000;

// Two nodes with one log, of which one has merged.
struct Twins {
  LedNode damaged{1};
  LedNode whole{2};

  void fill(bool has_merged) {
    for (LedNode* const one : {&damaged, &whole}) {
      one->fill('a', 60);
      if ((one == &damaged) == has_merged) one->raise_floor_and_merge();
    }
  }
  static std::set<std::uint32_t> sealed(const LedNode& node) {
    std::set<std::uint32_t> slots;
    for (const auto& segment : *node.store->segments().all()) {
      if (segment->is_sealed) slots.insert(segment->slot());
    }
    return slots;
  }
  RecordRepair repair() const {
    return {*damaged.fs, damaged.store->segments(), damaged.store->index()};
  }
  std::vector<RecordRepair::Loss> losses() const {
    const auto snapshot = damaged.store->pipeline().snapshot([] {});
    return repair().find(sealed(damaged), snapshot, kAll);
  }
  // Of the keys whose newest record lies in a sealed segment.
  std::vector<RecordRepair::Loss> places() const {
    std::vector<RecordRepair::Loss> found;
    const auto slots = sealed(damaged);
    for (const auto& [key, value] : damaged.content()) {
      const auto place = damaged.store->index().find(key);
      REQUIRE(place.has_value());
      if (slots.contains(place->slot())) found.push_back({key, *place});
    }
    return found;
  }
  std::string path_of(Place place) const {
    return damaged.store->segments().find(place.slot())->path();
  }
  kv::Result<bool> restore(const RecordRepair::Loss& loss) const {
    const auto place = whole.store->index().find(loss.key);
    REQUIRE(place.has_value());
    const auto segment = whole.store->segments().find(place->slot());
    std::string buffer;
    const auto record = segment->read(**whole.store->segments().file(*segment), *place,
                                      kv::ReadMode::kMayBlock, buffer);
    REQUIRE(record.has_value());
    return repair().restore(loss, record->header, record->value);
  }
};

}  // namespace

TEST_CASE_FIXTURE(Twins, "a record is put back as it was, whatever of it was damaged") {
  SUBCASE("in the log") { fill(false); }
  SUBCASE("in a merged segment") { fill(true); }
  const auto expected = whole.content();
  REQUIRE(damaged.content() == expected);
  CHECK(losses().empty());
  const auto all = places();
  REQUIRE(all.size() > 2);
  // A byte of each part in turn: the header, the key, the value.
  for (std::uint64_t at = 0; at < 70; ++at) {
    CAPTURE(at);
    const auto& one = all[at % all.size()];
    damaged.fs->flip(path_of(one.place), one.place.offset() + at, 0x10);
    const auto lost = losses();
    REQUIRE(lost.size() == 1);
    CHECK(lost[0].key == one.key);
    const auto done = restore(lost[0]);
    REQUIRE_MESSAGE(done.has_value(), describe(done.error()));
    CHECK(*done);
    CHECK(losses().empty());
  }
  CHECK(damaged.content() == expected);
  const auto report = damaged.store->verify({});
  REQUIRE(report.has_value());
  CHECK(report->findings.empty());
}

TEST_CASE_FIXTURE(Twins, "all of a record's bytes may be lost") {
  fill(true);
  const auto lost = places();
  for (const auto& one : lost) {
    for (std::uint64_t at = 0; at < 300; ++at) {
      damaged.fs->flip(path_of(one.place), one.place.offset() + at, static_cast<char>(1 + at % 7));
    }
  }
  CHECK(losses().size() == lost.size());
  for (const auto& one : lost) CHECK(*restore(one));
  CHECK(damaged.content() == whole.content());
}

TEST_CASE_FIXTURE(Twins, "what lies elsewhere now, or is another version, is left alone") {
  fill(false);
  const auto one = places().front();
  SUBCASE("the key was written again") {
    damaged.put(one.key, "new");
    CHECK_FALSE(*restore(one));
  }
  SUBCASE("the other node has another value") {
    whole.put(one.key, std::string(300, 'x') + "1");
    const auto done = restore(one);
    REQUIRE_FALSE(done.has_value());
    CHECK(done.error().code == kv::Errc::kCorruption);
  }
  SUBCASE("of another size") {
    whole.put(one.key, "short");
    const auto done = restore(one);
    REQUIRE_FALSE(done.has_value());
    CHECK(done.error().code == kv::Errc::kCorruption);
  }
  CHECK(losses().empty());
}
