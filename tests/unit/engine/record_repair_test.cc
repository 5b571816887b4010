#include "engine/record_repair.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "tests/unit/engine/support/led_node.h"

using kv::engine::Place;
using kv::engine::RecordRepair;
using kv::engine::Segment;
using kv::test::LedNode;

namespace {

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
  static void append_batch(LedNode& node, const std::vector<std::string>& keys) {
    std::string members;
    for (const std::string& key : keys) {
      kv::format::RecordHeader header;
      header.flags = kv::format::kFlagInBatch;
      header.term = 1;
      header.sequence = node.committed + 1;
      append_record(members, header, key, "of " + key, 0);
    }
    node.append(kv::format::RecordType::kBatch, "", members);
  }
  static std::vector<std::shared_ptr<Segment>> sealed(const LedNode& node) {
    auto segments = *node.store->segments().all();
    std::erase_if(segments, [](const auto& one) { return !one->is_sealed; });
    return segments;
  }
  RecordRepair repair() const { return damaged.store->record_repair(); }
  std::vector<RecordRepair::Loss> losses() const {
    RecordRepair::Search search;
    for (const auto& segment : sealed(damaged)) search.segments.push_back(segment);
    while (!search.is_over) {
      repair().find_some(search, damaged.store->pipeline().snapshot([] {}));
    }
    return search.found;
  }
  // Of the keys whose newest record lies in a sealed segment.
  std::vector<RecordRepair::Loss> places() const {
    std::vector<RecordRepair::Loss> found;
    const auto& segments = damaged.store->segments();
    for (const auto& [key, value] : damaged.content()) {
      const auto place = damaged.store->index().find(key);
      REQUIRE(place.has_value());
      const auto segment = segments.find(place->slot());
      if (segment->is_sealed) found.push_back({key, *place, segment, damaged.committed});
    }
    return found;
  }
  std::string path_of(Place place) const {
    return damaged.store->segments().find(place.slot())->path();
  }
  kv::Result<bool> restore(const RecordRepair::Loss& loss) const {
    const auto record = whole.store->newest_record(loss.key);
    REQUIRE(record.has_value());
    REQUIRE(record->has_value());
    return repair().restore(loss, (*record)->header, (*record)->value);
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

TEST_CASE_FIXTURE(Twins, "so is one that a start without a hint found damaged") {
  char mask = 0x10;  // makes a size greater
  SUBCASE("in the log") { fill(false); }
  SUBCASE("in the log, smaller") {
    mask = 0x20;
    fill(false);
  }
  SUBCASE("in a merged segment") { fill(true); }
  const auto expected = whole.content();
  const auto all = places();
  REQUIRE(all.size() > 2);
  for (std::uint64_t at = 0; at < 70; ++at) {
    // Whose record it was cannot be told without the key, or its checksum.
    constexpr std::uint64_t kKeyCrc = 20;
    if ((at >= kKeyCrc && at < kKeyCrc + 4) ||
        (at >= kv::format::kRecordHeaderSize && at < kv::format::kRecordHeaderSize + 4)) {
      continue;
    }
    CAPTURE(at);
    const auto& one = all[at % all.size()];
    const std::string path = path_of(damaged.store->index().find(one.key).value());
    damaged.store.reset();
    damaged.fs->flip(path, one.place.offset() + at, mask);
    REQUIRE(damaged.fs->remove(path.substr(0, path.size() - 4) + ".hint").has_value());
    damaged.open();
    const auto lost = losses();
    REQUIRE(lost.size() == 1);
    CHECK(lost[0].key == one.key);
    const auto done = restore(lost[0]);
    REQUIRE_MESSAGE(done.has_value(), describe(done.error()));
    CHECK(*done);
    CHECK(losses().empty());
    damaged.store.reset();  // with a hint again, and nothing hidden any more
    damaged.open();
    CHECK(damaged.content() == expected);
  }
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

TEST_CASE_FIXTURE(Twins, "a member of a batch is put back as one, and no other record is") {
  constexpr std::int64_t kHeader = kv::format::kRecordHeaderSize;
  for (LedNode* const one : {&damaged, &whole}) {
    one->put("before", "alone");
    append_batch(*one, {"b0", "b1", "b2"});
    one->put("after", "alone");
  }
  fill(false);
  const auto loss_of = [&](const std::string& key) {
    const auto place = damaged.store->index().find(key).value();
    const auto segment = damaged.store->segments().find(place.slot());
    REQUIRE(segment->is_sealed);
    return RecordRepair::Loss{key, place, segment, damaged.committed};
  };
  const auto destroy = [&](const RecordRepair::Loss& loss, std::int64_t from, std::int64_t to) {
    for (std::int64_t at = from; at < to; ++at) {
      damaged.fs->flip(path_of(loss.place), loss.place.offset() + static_cast<std::uint64_t>(at),
                       static_cast<char>(0x21 + (at + kHeader) % 7));
    }
  };
  const auto is_clean = [&] { return damaged.store->verify({})->findings.empty(); };
  for (const std::string key : {"before", "b0", "b1", "b2", "after"}) {
    CAPTURE(key);
    const auto loss = loss_of(key);
    // Header and key; the header; its flags alone.
    const std::pair<int, int> parts[] = {{0, 50}, {0, 48}, {11, 12}};
    for (const auto& [from, to] : parts) {
      destroy(loss, from, to);
      REQUIRE_FALSE(is_clean());
      CHECK(*restore(loss));
      CHECK(is_clean());
    }
    destroy(loss, 0, 4);
    destroy(loss, 11, 12);
    CHECK(*restore(loss));
    CHECK(is_clean());
  }
  SUBCASE("beside others that are lost") {
    for (const std::string key : {"b0", "b1", "after"}) destroy(loss_of(key), 0, 50);
    for (const std::string key : {"b1", "b0", "after"}) CHECK(*restore(loss_of(key)));
    CHECK(is_clean());
  }
  SUBCASE("unless that cannot be told") {
    const auto loss = loss_of("b0");
    destroy(loss, -kHeader, kHeader);
    const auto done = restore(loss);
    REQUIRE_FALSE(done.has_value());
    CHECK(done.error().code == kv::Errc::kCorruption);
    CHECK(losses().size() == 1);
  }
  SUBCASE("which its own header may tell") {
    const auto loss = loss_of("b0");
    destroy(loss, -kHeader, 0);
    destroy(loss, kHeader, kHeader + 3);
    CHECK(*restore(loss));
    destroy(loss, -kHeader, 0);  // the same bits again
    CHECK(is_clean());
  }
}

TEST_CASE_FIXTURE(Twins,
                  "what lies elsewhere now, is sound, or is another version, is left alone") {
  fill(false);
  const auto one = places().front();
  REQUIRE(damaged.store->segments().find(one.place.slot())->first_sequence > 1);
  const auto flip = [&](std::uint64_t at) {
    damaged.fs->flip(path_of(one.place), one.place.offset() + at, 0x10);
  };
  constexpr std::uint64_t kInValue = 100;
  SUBCASE("nothing is wrong with it") { CHECK_FALSE(*restore(one)); }
  SUBCASE("the key was written again") {
    flip(kInValue);
    damaged.put(one.key, "new");
    CHECK_FALSE(*restore(one));
    damaged.put(one.key, "newer");
  }
  SUBCASE("the other node has a later value, of the same size") {
    const auto size = damaged.store->segments().find(one.place.slot())->size.load();
    flip(4);  // nothing of the header can be relied on
    flip(20);
    whole.put(one.key, whole.content().at(one.key));
    const auto done = restore(one);
    REQUIRE_FALSE(done.has_value());
    CHECK(done.error().code == kv::Errc::kCorruption);
    CHECK(losses().size() == 1);
    CHECK(damaged.store->segments().find(one.place.slot())->size == size);
  }
  SUBCASE("that version is later than what was applied when this was the newest") {
    flip(kInValue);
    auto earlier = one;
    earlier.as_of = (*whole.store->newest_record(one.key))->header.sequence - 1;
    CHECK_FALSE(restore(earlier).has_value());
    CHECK(losses().size() == 1);
  }
  SUBCASE("the other node has another value, of the same number") {
    flip(kInValue);
    auto record = **whole.store->newest_record(one.key);
    record.value.back() ^= 1;
    const auto done = repair().restore(one, record.header, record.value);
    REQUIRE_FALSE(done.has_value());
    CHECK(done.error().code == kv::Errc::kCorruption);
    CHECK(losses().size() == 1);
  }
  SUBCASE("the other node has one that never lay in this segment") {
    flip(4);
    flip(20);
    auto record = **whole.store->newest_record(one.key);
    record.header.sequence = damaged.store->segments().find(one.place.slot())->first_sequence - 1;
    CHECK_FALSE(repair().restore(one, record.header, record.value).has_value());
    record.header.sequence = damaged.store->segments().find(one.place.slot())->last_sequence + 1;
    CHECK_FALSE(repair().restore(one, record.header, record.value).has_value());
    CHECK(losses().size() == 1);
  }
  SUBCASE("of another size") {
    flip(kInValue);
    auto record = **whole.store->newest_record(one.key);
    record.header.value_size = 5;
    const auto done = repair().restore(one, record.header, "short");
    REQUIRE_FALSE(done.has_value());
    CHECK(done.error().code == kv::Errc::kCorruption);
    CHECK(losses().size() == 1);
  }
}

TEST_CASE_FIXTURE(Twins, "merges take a segment again whose records were put back") {
  fill(true);
  const auto one = places().front();
  const auto segment = one.segment.lock();
  damaged.fs->flip(path_of(one.place), one.place.offset() + 100, 0x10);
  const auto report = damaged.store->verify({});
  REQUIRE(report.has_value());
  CHECK(report->findings.size() == 1);
  REQUIRE(segment->is_damaged);
  CHECK_FALSE(*damaged.store->recheck(segment->id()));
  CHECK(segment->is_damaged);
  REQUIRE(*restore(one));
  CHECK(segment->is_damaged);
  SUBCASE("marked by the scrubber") {
    CHECK(*damaged.store->recheck(segment->id()));
    CHECK_FALSE(segment->is_damaged);
  }
  SUBCASE("marked by a merge") {
    CHECK(damaged.store->verify({}).has_value());  // the scrubber takes its own mark back
    segment->is_damaged = true;
    CHECK(*damaged.store->recheck(segment->id()));
    CHECK_FALSE(segment->is_damaged);
  }
  SUBCASE("but not when the index lacks what was damaged at the start") {
    CHECK(damaged.store->verify({}).has_value());
    segment->is_damaged = true;
    segment->is_incomplete = true;
    CHECK_FALSE(*damaged.store->recheck(segment->id()));
    CHECK(segment->is_damaged);
  }
}

TEST_CASE_FIXTURE(Twins, "a read that fails is noted, and one of a sound record is not") {
  fill(true);
  const auto all = places();
  const auto& one = all.front();
  const auto read = [&](const std::string& key) {
    return damaged.store->get(key, kv::ReadMode::kMayBlock);
  };
  CHECK(read(all.back().key).has_value());
  CHECK(damaged.store->segments().find(one.place.slot())->failed_reads == 0);
  damaged.fs->flip(path_of(one.place), one.place.offset() + 100, 0x10);
  damaged.store.reset();
  damaged.open();  // nothing is cached
  const auto segment = damaged.store->segments().find(damaged.store->index().find(one.key)->slot());
  CHECK_FALSE(read(one.key).has_value());
  CHECK(segment->failed_reads == 1);
  CHECK_FALSE(damaged.store->newest_record(one.key).has_value());
  CHECK(segment->failed_reads == 2);
}
