#include "format/manifest_state.h"

#include <vector>

#include <doctest/doctest.h>

namespace {

using namespace kv::format;
using kv::Errc;

// Segments 1 (sealed, quarantined range), 2 and 3 (sealed), 4 (active).
ManifestState some_state() {
  ManifestState state;
  for (const std::uint32_t id : {1u, 2u, 3u}) {
    REQUIRE(state.apply(AddSegment{SegmentId{id}, SegmentKind::kLog, id * 10}));
    REQUIRE(state.apply(SealSegment{SegmentId{id}, 4096, 9, id * 10, id * 10 + 9, id}));
  }
  REQUIRE(state.apply(AddSegment{SegmentId{4}, SegmentKind::kLog, 40}));
  REQUIRE(state.apply(Quarantine{SegmentId{1}, 64, 128, 10, 11, false}));
  return state;
}

}  // namespace

TEST_CASE("an edit that contradicts the state changes nothing") {
  const ManifestState before = some_state();
  const std::vector<Edit> contradictions = {
      AddSegment{SegmentId{1}, SegmentKind::kLog, 1},
      SealSegment{.id = SegmentId{1}},
      SealSegment{.id = SegmentId{5}},
      Quarantine{.id = SegmentId{5}},
      MergeSegments{{SegmentId{5}}, {}, 99},
      MergeSegments{{SegmentId{4}}, {}, 99},
      MergeSegments{{SegmentId{2}}, {SegmentId{4}}, 99},
      MergeSegments{{SegmentId{2}}, {SegmentId{5}}, 99},
      MergeSegments{{SegmentId{2}, SegmentId{2}}, {SegmentId{3}}, 99},
      MergeSegments{{SegmentId{2}}, {SegmentId{2}}, 99},
      MergeSegments{{SegmentId{2}, SegmentId{1}}, {SegmentId{3}}, 99},
  };
  for (std::size_t i = 0; i < contradictions.size(); ++i) {
    CAPTURE(i);
    ManifestState state = before;
    const auto applied = state.apply(contradictions[i]);
    REQUIRE_FALSE(applied);
    CHECK(applied.error().code == Errc::kCorruption);
    CHECK(state == before);
  }
}

TEST_CASE("a merge takes its inputs away and leaves its outputs") {
  ManifestState state = some_state();
  REQUIRE(state.apply(MergeSegments{{SegmentId{2}}, {SegmentId{3}}, 25}));
  CHECK_FALSE(state.segments.contains(SegmentId{2}));
  CHECK(state.segments.contains(SegmentId{3}));
  CHECK(state.tombstone_floor == 25);
  CHECK(state.next_segment == 5);
}

TEST_CASE("floors only rise") {
  ManifestState state;
  REQUIRE(state.apply(SequenceFloor{5}));
  REQUIRE(state.apply(SequenceFloor{4}));
  CHECK(state.sequence_floor == 5);
  REQUIRE(state.apply(SegmentFloor{7}));
  REQUIRE(state.apply(SegmentFloor{6}));
  CHECK(state.next_segment == 7);
  REQUIRE(state.apply(MergeSegments{{}, {}, 3}));
  REQUIRE(state.apply(MergeSegments{{}, {}, 2}));
  CHECK(state.tombstone_floor == 3);
}

TEST_CASE("a segment that is not sealed can be cut, and again shorter") {
  ManifestState state;
  REQUIRE(state.apply(AddSegment{SegmentId{1}, SegmentKind::kLog, 1}));
  CHECK(state.segments.at(SegmentId{1}).size_that_counts(900) == 900);
  REQUIRE(state.apply(CutSegment{SegmentId{1}, 500, 7}));
  REQUIRE(state.apply(CutSegment{SegmentId{1}, 300, 5}));
  CHECK(state.segments.at(SegmentId{1}).size_that_counts(900) == 300);
  CHECK(state.segments.at(SegmentId{1}).size_that_counts(200) == 200);
  const ManifestState before = state;
  CHECK(state.apply(CutSegment{SegmentId{1}, 400, 6}).error().code == Errc::kCorruption);
  CHECK(state.apply(CutSegment{SegmentId{1}, 0, 0}).error().code == Errc::kCorruption);
  CHECK(state.apply(CutSegment{SegmentId{2}, 300, 5}).error().code == Errc::kCorruption);
  CHECK((state == before));
  ManifestState again;
  for (const Edit& edit : state.edits()) REQUIRE(again.apply(edit));
  CHECK((again == state));
  REQUIRE(state.apply(SealSegment{SegmentId{1}, 300, 2, 4, 5, 9}));
  CHECK(state.apply(CutSegment{SegmentId{1}, 200, 4}).error().code == Errc::kCorruption);
  CHECK(state.segments.at(SegmentId{1}).size_that_counts(900) == 300);
}

TEST_CASE("the largest segment id leaves a next one that is no id") {
  ManifestState state;
  REQUIRE(state.apply(AddSegment{SegmentId{0xffffffff}, SegmentKind::kLog, 1}));
  CHECK(state.next_segment == 0x100000000);
}

TEST_CASE("a quarantine said twice counts once") {
  ManifestState state = some_state();
  REQUIRE(state.apply(state.quarantines.front()));
  CHECK(state.quarantines.size() == 1);
  REQUIRE(state.apply(Quarantine{SegmentId{1}, 64, 192, 10, 11, false}));
  CHECK(state.quarantines.size() == 2);
}

TEST_CASE("a state's edits build it again from nothing") {
  ManifestState state;
  SUBCASE("an empty one") {}
  SUBCASE("segments and a quarantine") { state = some_state(); }
  SUBCASE("after a merge, when the newest ids are gone") {
    state = some_state();
    REQUIRE(state.apply(SealSegment{SegmentId{4}, 64, 0, 40, 39, 4}));
    REQUIRE(state.apply(MergeSegments{{SegmentId{4}, SegmentId{3}}, {SegmentId{2}}, 33}));
    REQUIRE(state.apply(SequenceFloor{45}));
  }
  SUBCASE("when all segments are gone") {
    REQUIRE(state.apply(AddSegment{SegmentId{1}, SegmentKind::kLog, 1}));
    REQUIRE(state.apply(SealSegment{SegmentId{1}, 64, 0, 1, 0, 0}));
    REQUIRE(state.apply(MergeSegments{{SegmentId{1}}, {}, 0}));
    REQUIRE(state.segments.empty());
    REQUIRE(state.next_segment == 2);
  }
  ManifestState again;
  for (const Edit& edit : state.edits()) REQUIRE(again.apply(edit));
  CHECK(again == state);
}

TEST_CASE("the log's floor only rises, and is in the next MANIFEST") {
  ManifestState state;
  REQUIRE(state.apply(LogFloor{2, 10, 77}));
  REQUIRE(state.apply(LogFloor{1, 9, 66}));
  CHECK(state.log_floor == LogFloor{2, 10, 77});
  ManifestState again;
  for (const Edit& edit : state.edits()) REQUIRE(again.apply(edit));
  CHECK(again == state);
}
