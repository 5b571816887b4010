#include "tests/linearizability/seen_set.h"

#include <algorithm>

#include "base/checksum.h"

namespace kv::linearizability {

SeenSet::SeenSet() : slots_(64) {}

bool SeenSet::is_same(const Row& row, std::uint64_t hash,
                      std::span<const std::uint64_t> words) const {
  if (row.hash != hash) return false;
  const std::span<const std::uint64_t> held = std::span(words_).subspan(row.at, row.size);
  return std::ranges::equal(held, words);
}

bool SeenSet::insert(std::span<const std::uint64_t> row) {
  if (rows_.size() * 2 >= slots_.size()) grow();
  const std::uint64_t hash =
      base::hash64({reinterpret_cast<const char*>(row.data()), row.size_bytes()});
  const std::size_t mask = slots_.size() - 1;
  std::size_t slot = hash & mask;
  for (; slots_[slot] != 0; slot = (slot + 1) & mask) {
    if (is_same(rows_[slots_[slot] - 1], hash, row)) return false;
  }
  rows_.push_back({.hash = hash, .at = words_.size(), .size = row.size()});
  slots_[slot] = static_cast<std::uint32_t>(rows_.size());
  words_.insert(words_.end(), row.begin(), row.end());
  return true;
}

void SeenSet::grow() {
  std::vector<std::uint32_t> larger(slots_.size() * 2);
  const std::size_t mask = larger.size() - 1;
  for (std::uint32_t number = 1; number <= rows_.size(); ++number) {
    std::size_t slot = rows_[number - 1].hash & mask;
    while (larger[slot] != 0) slot = (slot + 1) & mask;
    larger[slot] = number;
  }
  slots_ = std::move(larger);
}

}  // namespace kv::linearizability
