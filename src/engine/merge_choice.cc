#include "engine/merge_choice.h"

#include <algorithm>
#include <cmath>

#include "engine/keep_rule.h"

namespace kv::engine {

namespace {

constexpr std::size_t kInputsMax = 16;
// Well above the sixty-fourth to which live bytes are known, so that it comes to an end.
constexpr std::uint64_t kLittle = 20;

struct Candidate {
  std::shared_ptr<Segment> segment;
  std::uint64_t size = 0;
  std::uint64_t dead = 0;
  double score = 0;
};

bool is_taken(const Candidate& candidate, KeepRule rule, const MergeChoice& choice) {
  if (choice.takes_any) return is_mergeable(rule);
  if (rule == KeepRule::kNone) return true;
  return choice.takes_little && rule == KeepRule::kTooLittleDead &&
         candidate.dead >= candidate.size / kLittle;
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

std::vector<std::shared_ptr<Segment>> choose_inputs(
    const std::vector<std::shared_ptr<Segment>>& segments, const MergeChoice& choice) {
  const KeepContext context{choice.applied_sequence, log_end(segments), choice.log_floor};
  std::vector<Candidate> candidates;
  for (const auto& segment : segments) {
    Candidate one{segment, segment->size, dead_bytes(*segment), 0};
    const KeepRule rule = keep_rule(*segment, false, context);
    if (one.dead == 0 || !is_taken(one, rule, choice)) continue;
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
