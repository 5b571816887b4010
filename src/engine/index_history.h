#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <vector>

#include <absl/container/flat_hash_map.h>

#include "engine/key_arena.h"

namespace kv::engine {

// What changes replaced, as long as a snapshot may ask for it: for each entry its changes in order,
// each with the place before it. Guarded by the index's lock.
class IndexHistory {
 public:
  static constexpr Place kAbsent{};

  void begin_snapshot(std::uint64_t sequence) { snapshots_[sequence] += 1; }
  void end_snapshot(std::uint64_t sequence);
  std::uint64_t snapshots() const;
  bool has_snapshots() const { return !snapshots_.empty(); }

  // The entry is about to change from `before` (kAbsent: was not there) with the change of
  // `sequence`.
  void note(KeyRef ref, Place before, std::uint64_t sequence);
  // What the entry was after `snapshot`'s sequence, when it has changed since then.
  std::optional<Place> at(KeyRef ref, std::uint64_t snapshot_sequence) const;
  bool empty() const { return changes_.empty(); }
  bool has(KeyRef ref) const { return !changes_.empty() && changes_.contains(ref); }
  void replace_place(KeyRef ref, Place from, Place to);

  // Forgets one change that no snapshot needs any more; the entry it was of, if that was its last
  // one. False: nothing to forget.
  bool purge(std::optional<KeyRef>& without_history);
  bool has_purgeable() const;

  std::uint64_t bytes() const;

 private:
  struct Change {
    std::uint64_t sequence;
    Place before;
  };
  struct Noted {
    std::uint64_t sequence;
    KeyRef ref;
  };
  std::map<std::uint64_t, std::uint64_t> snapshots_;  // sequence, how many
  absl::flat_hash_map<KeyRef, std::vector<Change>> changes_;
  std::deque<Noted> order_;  // all changes, oldest first
};

}  // namespace kv::engine
