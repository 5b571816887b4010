#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <absl/functional/function_ref.h>

#include "engine/index_window.h"
#include "engine/place.h"

namespace kv::engine {

struct IndexMemory {
  std::uint64_t total_bytes = 0;    // all of it, allocator overhead included
  std::uint64_t key_bytes = 0;      // the keys' own bytes within it
  std::uint64_t entries_bytes = 0;  // keys and places
  std::uint64_t hash_bytes = 0;
  std::uint64_t order_bytes = 0;
  std::uint64_t history_bytes = 0;  // what snapshots hold back
};

// One change of a write. Sequences are those of the log and never fall.
struct IndexChange {
  std::string_view key;
  Place place;  // of a put
  bool is_delete = false;
  std::uint64_t sequence = 0;
};

class IndexPart;  // index_part.h

struct ScanRange {
  std::string_view start;               // inclusive; empty: from the first
  std::optional<std::string_view> end;  // exclusive; none: to the last
  bool is_reverse = false;              // the items nearest to `end` come first
};

// Keydir and ordered index over one set of entries: each key's bytes are stored once, found by hash
// and kept in order by a B+tree of references (at most 40 bytes a key beyond the key, growing in
// steps that move a bounded number of keys, giving memory back after deletes).
//
// Snapshots cost nothing to take: while one lives, a change keeps what it replaced in a history,
// and a reader at snapshot s sees for each key the place it had after sequence s. History ends with
// the oldest snapshot that needs it: a bounded part of it at once, the rest with later changes, or
// with forget_some().
//
// Threads: find, scan, snapshot, forget_some and the counters from any; put, erase and replace from
// one at a time, beside readers. A reader holds the lock for one look-up or one bounded step of a
// scan.
class Index {
 public:
  Index();
  ~Index();
  Index(const Index&) = delete;
  Index& operator=(const Index&) = delete;

  std::optional<Place> find(std::string_view key) const;
  // The same; `hash`: hash_key(key). Calls `meanwhile`, which does not wait for anything, while the
  // memory of an entry that may be the key's is on its way to the processor.
  std::optional<Place> find(std::string_view key, std::uint64_t hash,
                            absl::FunctionRef<void()> meanwhile) const;
  // Each as find() would, all under one lock: for whoever has many, at most kTogetherMax at once.
  static constexpr std::size_t kTogetherMax = 64;
  void find_all(std::span<const std::string_view> keys, std::span<const std::uint64_t> hashes,
                std::span<std::optional<Place>> places) const;
  std::uint64_t size() const;
  IndexMemory memory() const;

  // Returns the place that was replaced.
  std::optional<Place> put(std::string_view key, Place place, std::uint64_t sequence);
  std::optional<Place> erase(std::string_view key, std::uint64_t sequence);
  // All of them at once: no reader sees some without the others. The places they replaced go to
  // `replaced`, one each (no place: there was none).
  void apply(std::span<const IndexChange> changes, std::vector<Place>& replaced);
  // A merge moved the record: the same version at a new place, for snapshots too. False when the
  // newest place is not `from` any more.
  bool replace(std::string_view key, Place from, Place to);
  // The same for many, at most kTogetherMax at once, each with its own answer.
  struct Move {
    std::string_view key;
    Place from;
    Place to;
    bool was_done = false;
  };
  void replace_all(std::span<Move> moves);

  // A point in time; the index outlives it. Copies share it, the last one ends it.
  class Snapshot {
   public:
    std::uint64_t sequence() const { return sequence_; }

   private:
    friend class Index;
    Snapshot(std::uint64_t sequence, std::shared_ptr<const void> pin)
        : sequence_(sequence), pin_(std::move(pin)) {}
    std::uint64_t sequence_ = 0;
    std::shared_ptr<const void> pin_;
  };
  // Sees every change up to now, the newest of which has `sequence`. Not while a change is under
  // way in another thread.
  Snapshot snapshot(std::uint64_t sequence) const;
  std::uint64_t snapshots() const;
  // Forgets a part of what no snapshot needs any more, in short steps under the lock. False:
  // nothing is left.
  bool forget_some();

  std::optional<Place> find(std::string_view key, const Snapshot& snapshot) const;
  // Adds keys of the range as the snapshot sees it to `out`, in order, until it has `count` or is
  // full. False: there are no more. Else, to go on, call again with start just after (or end at)
  // the last key. Works in bounded steps under the lock, whatever `count` is.
  bool scan(const ScanRange& range, const Snapshot& snapshot, std::size_t count,
            IndexWindow& out) const;

  // Fills an empty index with the keys of all parts, with full tree leaves; the keys of a part come
  // behind those of the parts before. Before anybody else uses the index.
  void load(std::vector<IndexPart> parts, std::uint32_t threads);

  // Aborts unless hash and tree hold the same entries, in order. For tests.
  void check_invariants() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace kv::engine
