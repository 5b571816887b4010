#include "engine/merge_choice.h"

#include <memory>
#include <vector>

#include <doctest/doctest.h>

using kv::engine::choose_inputs;
using kv::engine::MergeChoice;
using kv::engine::Segment;
using kv::format::SegmentId;
using kv::format::SegmentKind;

namespace {

struct Segments {
  std::vector<std::shared_ptr<Segment>> all;

  // Segments in order of their sequences, 100 each, of 1,064 bytes.
  Segment& add(std::int64_t live, SegmentKind kind = SegmentKind::kLog) {
    const auto number = static_cast<std::uint32_t>(all.size() + 1);
    auto one = std::make_shared<Segment>(number, "x", SegmentId{number}, kind, 0);
    one->size = 1064;
    one->records = 10;
    one->live_bytes = live;
    one->first_sequence = number * 100;
    one->last_sequence = number * 100 + 99;
    one->is_sealed = true;
    all.push_back(one);
    return *one;
  }
  std::vector<std::uint32_t> chosen(MergeChoice choice) const {
    std::vector<std::uint32_t> ids;
    for (const auto& one : choose_inputs(all, choice)) ids.push_back(number(one->id()));
    return ids;
  }
};

using Ids = std::vector<std::uint32_t>;
constexpr MergeChoice kAny{1'000'000, 1'000'000, true};
constexpr MergeChoice kWorth{1'000'000, 1'000'000, false};

}  // namespace

TEST_CASE("what gives back most for its copying comes first, and age counts") {
  Segments segments;
  segments.add(100);  // oldest, nearly empty
  segments.add(500);
  segments.add(900);  // too full to be worth it
  segments.add(500);
  segments.add(0);  // the end of the log
  CHECK(segments.chosen(kWorth) == Ids{1, 2, 4});
  CHECK(segments.chosen(kAny) == Ids{1, 2, 4, 3});
  CHECK(segments.chosen({800, 1'000'000, false}) == Ids{1, 2});
}

TEST_CASE("when room is wanted a twentieth is worth its copying, and less is not") {
  Segments segments;
  segments.add(500);
  segments.add(940);
  segments.add(960);
  segments.add(0);
  CHECK(segments.chosen(kWorth) == Ids{1});
  CHECK(segments.chosen({1'000'000, 1'000'000, false, true}) == Ids{1, 2});
}

TEST_CASE("some segments are never inputs") {
  Segments segments;
  segments.add(0).is_sealed = false;
  segments.add(0).is_damaged = true;
  segments.add(1000);  // nothing dead
  segments.add(0);
  segments.add(0);
  CHECK(segments.chosen(kAny) == Ids{4});
  // Not all of its records are visible yet.
  CHECK(segments.chosen({1'000'000, 480, true}).empty());
}

TEST_CASE("what a merge wrote is not merged along with what comes from the log") {
  Segments segments;
  segments.add(500, SegmentKind::kMerged);
  segments.add(100);
  segments.add(400, SegmentKind::kMerged);
  segments.add(100);
  segments.add(0);
  CHECK(segments.chosen(kAny) == Ids{2, 4});
  segments.all.erase(segments.all.begin() + 3);
  segments.all.erase(segments.all.begin() + 1);
  CHECK(segments.chosen(kAny) == Ids{3, 1});
}
