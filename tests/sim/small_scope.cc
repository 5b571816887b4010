#include "sim/small_scope.h"

#include <algorithm>
#include <deque>
#include <unordered_set>
#include <utility>

#include "sim/small_world.h"

namespace kv::sim {

namespace {

// How a state was reached.
struct Origin {
  std::size_t from = 0;
  SmallStep step;
};

std::vector<std::string> replay(const Scope& scope, const std::vector<Origin>& origins,
                                std::size_t state) {
  std::vector<SmallStep> steps;
  for (; state != 0; state = origins[state].from) steps.push_back(origins[state].step);
  std::ranges::reverse(steps);
  std::vector<std::string> lines;
  SmallWorld world(scope);
  for (const SmallStep& step : steps) {
    lines.push_back(world.describe(step));
    world.take(step);
  }
  return lines;
}

}  // namespace

Findings search(const Scope& scope) {
  Findings findings;
  std::vector<Origin> origins = {{}};
  // Only ever asked whether it has a value, so that its order does not matter.
  std::unordered_set<std::uint64_t> seen;
  std::deque<std::pair<SmallWorld, std::size_t>> frontier;
  frontier.emplace_back(SmallWorld(scope), 0);
  seen.insert(frontier.front().first.digest());
  findings.is_complete = true;
  std::size_t level_end = 1;
  for (std::size_t done = 0; !frontier.empty(); ++done) {
    if (done == level_end) {
      findings.depth += 1;
      level_end = done + frontier.size();
    }
    const auto [world, state] = std::move(frontier.front());
    frontier.pop_front();
    for (const SmallStep& step : world.steps()) {
      SmallWorld next = world;
      next.take(step);
      if (!next.problem() && !seen.insert(next.digest()).second) continue;
      origins.push_back({state, step});
      findings.problem = next.problem();
      if (findings.problem) {
        findings.steps = replay(scope, origins, origins.size() - 1);
        findings.states = seen.size();
        return findings;
      }
      if (seen.size() >= scope.states_max) {
        findings.is_complete = false;
        continue;
      }
      frontier.emplace_back(std::move(next), origins.size() - 1);
    }
  }
  findings.states = seen.size();
  return findings;
}

}  // namespace kv::sim
