#include "engine/keep_rule.h"

#include <doctest/doctest.h>

using kv::engine::KeepContext;
using kv::engine::KeepRule;
using kv::engine::Segment;
using kv::format::SegmentKind;

namespace {

// Sealed, of the log, half dead, and older than the newest of the log.
struct Sealed {
  explicit Sealed(SegmentKind kind = SegmentKind::kLog)
      : segment(0, "1.seg", kv::format::SegmentId{1}, kind, 7) {
    segment.size = 1000 + kv::format::kSegmentHeaderSize;
    segment.live_bytes = 500;
    segment.last_sequence = 50;
    segment.is_sealed = true;
  }
  KeepRule rule(bool is_active = false) const { return keep_rule(segment, is_active, context); }

  Segment segment;
  KeepContext context{100, 80};
};

}  // namespace

TEST_CASE("dead bytes are those that are neither live nor needed deletes") {
  Sealed one;
  CHECK(dead_bytes(one.segment) == 500);
  one.segment.delete_bytes = 100;
  CHECK(dead_bytes(one.segment) == 500);
  one.segment.needs_deletes = true;
  CHECK(dead_bytes(one.segment) == 400);
  one.segment.live_bytes = 2000;
  CHECK(dead_bytes(one.segment) == 0);
}

TEST_CASE("a segment that a merge takes is kept by no rule") {
  CHECK(Sealed().rule() == KeepRule::kNone);
  CHECK(Sealed(SegmentKind::kMerged).rule() == KeepRule::kNone);
}

TEST_CASE("each rule that keeps a segment is named, the strongest first") {
  Sealed one;
  one.segment.live_bytes = 990;
  CHECK(one.rule() == KeepRule::kTooLittleDead);
  one.segment.live_bytes = 1000;
  CHECK(one.rule() == KeepRule::kNothingDead);
  one.segment.live_bytes = 700;
  one.segment.delete_bytes = 300;
  CHECK(one.rule() == KeepRule::kNone);
  one.segment.needs_deletes = true;
  CHECK(one.rule() == KeepRule::kHidingDeletes);
  one.context.log_end = 50;
  CHECK(one.rule() == KeepRule::kEndsLog);
  one.context.log_floor = 49;
  CHECK(one.rule() == KeepRule::kInLog);
  one.context.log_floor = 50;
  CHECK(one.rule() == KeepRule::kEndsLog);
  one.context.applied_sequence = 49;
  CHECK(one.rule() == KeepRule::kNotVisible);
  one.segment.is_damaged = true;
  CHECK(one.rule() == KeepRule::kDamaged);
  one.segment.is_sealed = false;
  CHECK(one.rule() == KeepRule::kUnsealed);
  CHECK(one.rule(true) == KeepRule::kActive);
}

TEST_CASE("a merged segment is no part of the log, whatever it holds") {
  Sealed merged(SegmentKind::kMerged);
  merged.segment.last_sequence = merged.context.log_end;
  merged.context.log_floor = 0;
  CHECK(merged.rule() == KeepRule::kNone);
}

TEST_CASE("every rule has a text of its own, but for where nothing is dead") {
  for (int i = 0; i <= static_cast<int>(KeepRule::kNone); ++i) {
    const auto rule = static_cast<KeepRule>(i);
    CHECK(text_of(rule).empty() == (rule == KeepRule::kNothingDead));
    for (int j = 0; j < i; ++j) CHECK(text_of(rule) != text_of(static_cast<KeepRule>(j)));
  }
}
