#include "tests/linearizability/dead_end.h"

#include <algorithm>

#include "tests/linearizability/search.h"

namespace kv::linearizability {
namespace {

using Outcome = Operation::Outcome;

// Places in `parts` of what returned, in that order.
std::vector<std::size_t> returns_of(const std::vector<Part>& parts) {
  std::vector<std::size_t> returns;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (!parts[i].is_unknown()) returns.push_back(i);
  }
  std::ranges::stable_sort(returns, {}, [&](std::size_t part) { return parts[part].return_ns; });
  return returns;
}

// The history up to the last of the first `count` returns, with it or right before it.
enum class Last { kWith, kWithout };
KeyHistory beginning(const KeyHistory& history, const std::vector<std::size_t>& returns,
                     std::size_t count, Last last) {
  const std::uint64_t end_ns = history.parts[returns[count - 1]].return_ns;
  const std::size_t kept = last == Last::kWith ? count : count - 1;
  std::vector<bool> has_returned(history.parts.size());
  for (std::size_t i = 0; i < kept; ++i) has_returned[returns[i]] = true;
  KeyHistory cut{.key = history.key, .parts = {}, .values = history.values};
  for (std::size_t i = 0; i < history.parts.size(); ++i) {
    Part part = history.parts[i];
    if (part.call_ns > end_ns) continue;
    if (!has_returned[i] && !part.is_unknown()) {
      if (!part.is_write_done()) continue;
      part.outcome = Outcome::kUnknown;
      part.return_ns = Operation::kNever;
    }
    cut.parts.push_back(part);
  }
  return cut;
}

}  // namespace

std::optional<DeadEnd> find_dead_end(const KeyHistory& history, std::uint64_t steps_max) {
  const std::vector<std::size_t> returns = returns_of(history.parts);
  // The least number of returns that is too many.
  std::size_t low = 1;
  std::size_t high = returns.size();
  while (low < high) {
    const std::size_t middle = low + (high - low) / 2;
    const auto cut = beginning(history, returns, middle, Last::kWith);
    const Verdict verdict = search(cut, steps_max).verdict;
    if (verdict == Verdict::kUnknown) return std::nullopt;
    if (verdict == Verdict::kViolation) {
      high = middle;
    } else {
      low = middle + 1;
    }
  }
  const KeyHistory cut = beginning(history, returns, high, Last::kWithout);
  const SearchResult before = search(cut, steps_max);
  if (before.verdict != Verdict::kLinearizable) return std::nullopt;

  constexpr std::size_t kLastMax = 8;
  DeadEnd end{.stuck = history.parts[returns[high - 1]].operation,
              .last = {},
              .under_way = {},
              .before = before.order.size(),
              .state = before.state};
  std::vector<bool> is_placed(cut.parts.size());
  for (std::size_t i = 0; i < before.order.size(); ++i) {
    is_placed[before.order[i]] = true;
    if (i + kLastMax >= before.order.size()) {
      end.last.push_back(cut.parts[before.order[i]].operation);
    }
  }
  for (std::size_t i = 0; i < cut.parts.size(); ++i) {
    if (!is_placed[i] && cut.parts[i].operation != end.stuck) {
      end.under_way.push_back(cut.parts[i].operation);
    }
  }
  return end;
}

}  // namespace kv::linearizability
