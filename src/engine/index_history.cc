#include "engine/index_history.h"

#include "base/check.h"

namespace kv::engine {

void IndexHistory::end_snapshot(std::uint64_t sequence) {
  const auto found = snapshots_.find(sequence);
  KV_CHECK(found != snapshots_.end());
  found->second -= 1;
  if (found->second == 0) snapshots_.erase(found);
}

std::uint64_t IndexHistory::snapshots() const {
  std::uint64_t total = 0;
  for (const auto& [sequence, count] : snapshots_) total += count;
  return total;
}

void IndexHistory::note(KeyRef ref, Place before, std::uint64_t sequence) {
  if (snapshots_.empty()) return;
  auto& changes = changes_[ref];
  // Between the newest snapshot and now one change is enough: nobody sees what came in between.
  if (!changes.empty() && changes.back().sequence > snapshots_.rbegin()->first) return;
  changes.push_back({sequence, before});
  order_.push_back({sequence, ref});
}

std::optional<Place> IndexHistory::at(KeyRef ref, std::uint64_t snapshot_sequence) const {
  if (changes_.empty()) return std::nullopt;
  const auto found = changes_.find(ref);
  if (found == changes_.end()) return std::nullopt;
  for (const Change& change : found->second) {
    if (change.sequence > snapshot_sequence) return change.before;
  }
  return std::nullopt;
}

void IndexHistory::replace_place(KeyRef ref, Place from, Place to) {
  const auto found = changes_.find(ref);
  if (found == changes_.end()) return;
  for (Change& change : found->second) {
    if (change.before == from) change.before = to;
  }
}

bool IndexHistory::has_purgeable() const {
  return !order_.empty() &&
         (snapshots_.empty() || order_.front().sequence <= snapshots_.begin()->first);
}

bool IndexHistory::purge(std::optional<KeyRef>& without_history) {
  without_history = std::nullopt;
  if (!has_purgeable()) return false;
  const Noted oldest = order_.front();
  order_.pop_front();
  const auto found = changes_.find(oldest.ref);
  KV_CHECK(found != changes_.end() && found->second.front().sequence == oldest.sequence);
  found->second.erase(found->second.begin());
  if (!found->second.empty()) return true;
  changes_.erase(found);
  without_history = oldest.ref;
  if (changes_.empty()) absl::flat_hash_map<KeyRef, std::vector<Change>>().swap(changes_);
  return true;
}

std::uint64_t IndexHistory::bytes() const {
  constexpr std::uint64_t kPerEntry = sizeof(KeyRef) + sizeof(std::vector<Change>) + 1;
  constexpr std::uint64_t kMallocHead = 16;
  return changes_.capacity() * kPerEntry + order_.size() * (sizeof(Noted) + sizeof(Change)) +
         changes_.size() * kMallocHead;
}

}  // namespace kv::engine
