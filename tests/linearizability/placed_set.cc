#include "tests/linearizability/placed_set.h"

#include <algorithm>

#include "tests/linearizability/version_order.h"

namespace kv::linearizability {

PlacedSet::PlacedSet(const std::vector<Part>& parts)
    : bit_of_(parts.size()), turn_of_(parts.size(), kNoTurn), order_(parts.size()) {
  std::size_t known = 0;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (!parts[i].is_unknown()) bit_of_[i] = known++;
  }
  known_words_ = (known + 63) / 64;
  std::size_t bits = known_words_ * 64;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (parts[i].is_unknown()) bit_of_[i] = bits++;
    const auto order = version_order(parts[i]);
    if (!order) continue;
    order_[i] = *order;
    by_version_.push_back(i);
  }
  words_.resize((bits + 63) / 64);
  std::ranges::stable_sort(by_version_, {}, [this](std::size_t part) { return order_[part]; });
  for (std::size_t i = 0; i < by_version_.size(); ++i) turn_of_[by_version_[i]] = i;
}

bool PlacedSet::is_turn(std::size_t part) const {
  if (turn_of_[part] == kNoTurn) return true;
  return order_[part] == order_[by_version_[next_turn_]];
}

Version PlacedSet::version_limit() const {
  if (next_turn_ == by_version_.size()) return UINT64_MAX;
  // A write of version N stands at 2 N, a read of it at 2 N + 1.
  return (order_[by_version_[next_turn_]] - 1) / 2;
}

void PlacedSet::add(std::size_t part) {
  const std::size_t bit = bit_of_[part];
  words_[bit / 64] |= std::uint64_t{1} << (bit % 64);
  if (bit / 64 < known_words_) known_end_ = std::max(known_end_, bit / 64 + 1);
  while (full_words_ < known_words_ && words_[full_words_] == UINT64_MAX) ++full_words_;
  while (next_turn_ < by_version_.size() && has(bit_of_[by_version_[next_turn_]])) ++next_turn_;
}

void PlacedSet::remove(std::size_t part) {
  const std::size_t bit = bit_of_[part];
  words_[bit / 64] &= ~(std::uint64_t{1} << (bit % 64));
  full_words_ = std::min(full_words_, bit / 64);
  if (turn_of_[part] != kNoTurn) next_turn_ = std::min(next_turn_, turn_of_[part]);
}

bool PlacedSet::remember(const RegisterState& state) {
  row_.clear();
  row_.push_back(std::uint64_t{state.value} << 32 | std::uint64_t{state.is_exact} << 8 |
                 static_cast<std::uint64_t>(state.unseen));
  row_.push_back(state.version);
  std::size_t known_end = std::max(known_end_, full_words_);
  while (known_end > full_words_ && words_[known_end - 1] == 0) --known_end;
  row_.push_back(full_words_);
  row_.push_back(known_end);
  append_run(full_words_, known_end);
  append_run(known_words_, words_.size());
  return seen_.insert(row_);
}

void PlacedSet::append_run(std::size_t from, std::size_t to) {
  for (std::size_t i = from; i < to; ++i) row_.push_back(words_[i]);
}

}  // namespace kv::linearizability
