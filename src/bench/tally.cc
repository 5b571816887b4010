#include "bench/tally.h"

#include <algorithm>

namespace kv::bench {

namespace {

void add_line(Tally::Line& to, const Tally::Line& from) {
  to.times.add(from.times);
  to.missing += from.missing;
  to.wrong += from.wrong;
  to.refused += from.refused;
  to.unserved += from.unserved;
}

}  // namespace

void Tally::add(const Tally& other) {
  for (std::size_t i = 0; i < lines.size(); ++i) add_line(lines[i], other.lines[i]);
  unsent += other.unsent;
  if (first_refusal.empty()) first_refusal = other.first_refusal;
  if (first_wrong.empty()) first_wrong = other.first_wrong;
  if (first_unserved.empty()) first_unserved = other.first_unserved;
  gap_max = std::max(gap_max, other.gap_max);
  value_min = std::min(value_min, other.value_min);
  value_max = std::max(value_max, other.value_max);
}

Tally::Line Tally::total() const {
  Line total;
  for (const Line& line : lines) add_line(total, line);
  return total;
}

}  // namespace kv::bench
