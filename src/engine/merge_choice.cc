#include "engine/merge_choice.h"

#include <algorithm>
#include <cmath>

namespace kv::engine {

namespace {

// Not worth copying the rest for less than this share.
constexpr double kDeadShareMin = 0.15;
constexpr std::size_t kInputsMax = 16;

struct Candidate {
  std::shared_ptr<Segment> segment;
  std::uint64_t size = 0;
  std::uint64_t dead = 0;
  double score = 0;
};

std::uint64_t end_of_log(const std::vector<std::shared_ptr<Segment>>& segments) {
  std::uint64_t newest = 0;
  for (const auto& segment : segments) {
    if (segment->is_sealed && segment->kind() == format::SegmentKind::kLog)
      newest = std::max<std::uint64_t>(newest, segment->last_sequence);
  }
  return newest;
}

double score_of(const Candidate& candidate, std::uint64_t applied) {
  const auto size = static_cast<double>(candidate.size);
  const auto dead = static_cast<double>(candidate.dead);
  const double live = size - dead;
  // Counted in writes since its newest record: time without a clock.
  const std::uint64_t last = candidate.segment->last_sequence;
  const double age = std::log2(2.0 + static_cast<double>(applied > last ? applied - last : 0));
  return dead / (size + live) * age;
}

}  // namespace

std::uint64_t dead_bytes(const Segment& segment) {
  const std::uint64_t size = segment.size;
  const auto live = static_cast<std::uint64_t>(std::max<std::int64_t>(0, segment.live_bytes));
  const std::uint64_t deletes = segment.needs_deletes ? segment.delete_bytes.load() : 0;
  const std::uint64_t kept = format::kSegmentHeaderSize + live + deletes;
  return size > kept ? size - kept : 0;
}

std::vector<std::shared_ptr<Segment>> choose_inputs(
    const std::vector<std::shared_ptr<Segment>>& segments, const MergeChoice& choice) {
  const std::uint64_t log_end = end_of_log(segments);
  std::vector<Candidate> candidates;
  for (const auto& segment : segments) {
    const bool is_eligible = segment->is_sealed && !segment->is_damaged &&
                             segment->last_sequence <= choice.applied_sequence;
    const bool ends_log =
        segment->kind() == format::SegmentKind::kLog && segment->last_sequence == log_end;
    if (!is_eligible || ends_log) continue;
    Candidate one{segment, segment->size, dead_bytes(*segment), 0};
    const double share = static_cast<double>(one.dead) / static_cast<double>(one.size);
    if (one.dead == 0 || (!choice.takes_any && share < kDeadShareMin)) continue;
    one.score = score_of(one, choice.applied_sequence);
    candidates.push_back(std::move(one));
  }
  std::ranges::stable_sort(candidates, std::ranges::greater{}, &Candidate::score);

  std::vector<std::shared_ptr<Segment>> inputs;
  std::uint64_t live = 0;
  for (const Candidate& one : candidates) {
    if (!inputs.empty() && one.segment->kind() != inputs.front()->kind()) continue;
    if (!inputs.empty() && live + (one.size - one.dead) > choice.live_bytes_max) continue;
    live += one.size - one.dead;
    inputs.push_back(one.segment);
    if (inputs.size() == kInputsMax) break;
  }
  return inputs;
}

}  // namespace kv::engine
