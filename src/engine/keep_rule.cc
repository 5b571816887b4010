#include "engine/keep_rule.h"

#include <algorithm>

#include "engine/planted.h"

namespace kv::engine {

namespace {

// Not worth copying the rest for less than this share.
constexpr double kDeadShareMin = 0.15;

}  // namespace

std::uint64_t dead_bytes(const Segment& segment) {
  const std::uint64_t size = segment.size;
  const auto live = static_cast<std::uint64_t>(std::max<std::int64_t>(0, segment.live_bytes));
  const std::uint64_t deletes = segment.needs_deletes ? segment.delete_bytes.load() : 0;
  const std::uint64_t kept = format::kSegmentHeaderSize + live + deletes;
  return size > kept ? size - kept : 0;
}

std::uint64_t log_end(const std::vector<std::shared_ptr<Segment>>& segments) {
  std::uint64_t newest = 0;
  for (const auto& segment : segments) {
    if (segment->is_sealed && segment->kind() == format::SegmentKind::kLog) {
      newest = std::max<std::uint64_t>(newest, segment->last_sequence);
    }
  }
  return newest;
}

KeepRule keep_rule(const Segment& segment, bool is_active, const KeepContext& context) {
  if (is_active) return KeepRule::kActive;
  if (!segment.is_sealed) return KeepRule::kUnsealed;
  if (segment.is_damaged) return KeepRule::kDamaged;
  if (segment.last_sequence > context.applied_sequence) return KeepRule::kNotVisible;
  if (segment.kind() == format::SegmentKind::kLog) {
    const bool is_in_log = segment.last_sequence > context.log_floor;
    if (is_in_log && !is_planted(Bug::kMergeLog)) return KeepRule::kInLog;
    if (segment.last_sequence == context.log_end) return KeepRule::kEndsLog;
  }
  const auto dead = static_cast<double>(dead_bytes(segment));
  const bool is_worth_it = dead >= kDeadShareMin * static_cast<double>(segment.size);
  if (dead > 0 && is_worth_it) return KeepRule::kNone;
  if (segment.needs_deletes && segment.delete_bytes > 0) return KeepRule::kHidingDeletes;
  return dead > 0 ? KeepRule::kTooLittleDead : KeepRule::kNothingDead;
}

bool is_mergeable(KeepRule rule) {
  return rule == KeepRule::kNone || rule == KeepRule::kTooLittleDead ||
         rule == KeepRule::kHidingDeletes;
}

std::string_view text_of(KeepRule rule) {
  switch (rule) {
    case KeepRule::kActive:
      return "it takes new records";
    case KeepRule::kUnsealed:
      return "it is not sealed yet";
    case KeepRule::kDamaged:
      return "it holds damaged records";
    case KeepRule::kNotVisible:
      return "its newest records are not visible yet";
    case KeepRule::kInLog:
      return "the cluster's log is kept so far back";
    case KeepRule::kEndsLog:
      return "it tells where the log ends";
    case KeepRule::kHidingDeletes:
      return "its deletes still hide older records";
    case KeepRule::kNothingDead:
      break;
    case KeepRule::kTooLittleDead:
      return "too little of it is dead to copy the rest";
    case KeepRule::kNone:
      return "a merge takes it when its turn comes";
  }
  return {};
}

}  // namespace kv::engine
