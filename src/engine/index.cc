#include "engine/index.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <thread>

#include <absl/base/thread_annotations.h>

#include "base/check.h"
#include "engine/index_history.h"
#include "engine/index_lock.h"
#include "engine/index_part.h"
#include "engine/key_arena.h"
#include "engine/key_hash.h"
#include "engine/key_tree.h"

namespace kv::engine {

namespace {

constexpr std::size_t kScanStep = 128;       // keys of a scan under one lock
constexpr std::size_t kPurgePerChange = 4;   // changes forgotten with each later change
constexpr std::size_t kPurgePerRound = 256;  // and when a snapshot ends, under one lock
constexpr std::size_t kPurgeRounds = 64;
constexpr std::size_t kMovesPerErase = 4;  // entries moved out of sparse slabs

}  // namespace

struct Index::Impl {
  Impl() : hash(arena), tree(arena) {}

  // All of them under the lock.
  std::optional<Place> put(std::string_view key, std::uint64_t key_hash, Place place,
                           std::uint64_t sequence);
  std::optional<Place> erase(std::string_view key, std::uint64_t key_hash, std::uint64_t sequence);
  void remove_entry(KeyRef ref, std::string_view key, std::uint64_t key_hash);
  void gather_sparse(std::uint32_t size_class);
  void purge(std::size_t count);
  Place place_at(KeyRef ref, std::uint64_t sequence) const {
    if (history.empty()) return arena.place(ref);
    const auto before = history.at(ref, sequence);
    return before ? *before : arena.place(ref);
  }
  bool scan_step(const ScanRange& range, std::string& from, bool is_first, std::uint64_t sequence,
                 std::size_t count, IndexWindow& out) const;
  std::optional<Place> find(std::string_view key, std::uint64_t key_hash,
                            absl::FunctionRef<void()> meanwhile) const;
  void end_snapshot(std::uint64_t sequence);
  bool purge_rounds();  // takes the lock, again and again; false: nothing is left

  mutable absl::Mutex mutex;
  KeyArena arena ABSL_GUARDED_BY(mutex);
  KeyHash hash ABSL_GUARDED_BY(mutex);
  KeyTree tree ABSL_GUARDED_BY(mutex);
  IndexHistory history ABSL_GUARDED_BY(mutex);
  std::uint64_t live ABSL_GUARDED_BY(mutex) = 0;
};

namespace {

constexpr Place kNoPlace{};

}  // namespace

Index::Index() : impl_(std::make_unique<Impl>()) {}
Index::~Index() = default;

std::optional<Place> Index::Impl::find(std::string_view key, std::uint64_t key_hash,
                                       absl::FunctionRef<void()> meanwhile) const {
  const auto ref = hash.find(key, key_hash, meanwhile);
  if (!ref) return std::nullopt;
  const Place place = arena.place(*ref);
  return place == kNoPlace ? std::nullopt : std::optional(place);
}

std::optional<Place> Index::find(std::string_view key) const {
  const std::uint64_t key_hash = hash_key(key);
  const ReaderLock lock(impl_->mutex);
  return impl_->find(key, key_hash, [] {});
}

std::optional<Place> Index::find(std::string_view key, std::uint64_t hash,
                                 absl::FunctionRef<void()> meanwhile) const {
  const ReaderLock lock(impl_->mutex);
  return impl_->find(key, hash, meanwhile);
}

void Index::find_all(std::span<const std::string_view> keys, std::span<const std::uint64_t> hashes,
                     std::span<std::optional<Place>> places) const {
  KV_CHECK(keys.size() <= kTogetherMax);
  KV_CHECK(keys.size() == places.size() && keys.size() == hashes.size());
  const ReaderLock lock(impl_->mutex);
  impl_->hash.prefetch(hashes);
  for (std::size_t i = 0; i < keys.size(); ++i) places[i] = impl_->find(keys[i], hashes[i], [] {});
}

std::optional<Place> Index::find(std::string_view key, const Snapshot& snapshot) const {
  const std::uint64_t key_hash = hash_key(key);
  const ReaderLock lock(impl_->mutex);
  const auto ref = impl_->hash.find(key, key_hash);
  if (!ref) return std::nullopt;
  const Place place = impl_->place_at(*ref, snapshot.sequence());
  return place == kNoPlace ? std::nullopt : std::optional(place);
}

std::uint64_t Index::size() const {
  const ReaderLock lock(impl_->mutex);
  return impl_->live;
}

IndexMemory Index::memory() const {
  const ReaderLock lock(impl_->mutex);
  IndexMemory memory;
  memory.key_bytes = impl_->arena.key_bytes();
  memory.entries_bytes = impl_->arena.bytes();
  memory.hash_bytes = impl_->hash.bytes();
  memory.order_bytes = impl_->tree.bytes();
  memory.history_bytes = impl_->history.bytes();
  memory.total_bytes =
      memory.entries_bytes + memory.hash_bytes + memory.order_bytes + memory.history_bytes;
  return memory;
}

std::optional<Place> Index::Impl::put(std::string_view key, std::uint64_t key_hash, Place place,
                                      std::uint64_t sequence) {
  std::optional<Place> replaced;
  if (const auto found = hash.find(key, key_hash)) {
    const Place before = arena.place(*found);
    history.note(*found, before, sequence);
    arena.set_place(*found, place);
    if (before == kNoPlace) {
      live += 1;
    } else {
      replaced = before;
    }
  } else {
    const KeyRef ref = arena.insert(key, place);
    hash.insert(ref, key_hash);
    tree.insert(ref);
    history.note(ref, kNoPlace, sequence);
    live += 1;
  }
  purge(kPurgePerChange);
  return replaced;
}

std::optional<Place> Index::Impl::erase(std::string_view key, std::uint64_t key_hash,
                                        std::uint64_t sequence) {
  const auto found = hash.find(key, key_hash);
  if (!found) return std::nullopt;
  const Place before = arena.place(*found);
  if (before == kNoPlace) return std::nullopt;
  live -= 1;
  history.note(*found, before, sequence);
  if (history.has(*found)) {
    arena.set_place(*found, kNoPlace);  // a ghost, until no snapshot needs it
  } else {
    remove_entry(*found, key, key_hash);
  }
  purge(kPurgePerChange);
  return before;
}

void Index::Impl::remove_entry(KeyRef ref, std::string_view key, std::uint64_t key_hash) {
  tree.erase(key);
  hash.erase(ref, key_hash);
  const std::uint32_t size_class = KeyArena::size_class(key.size());
  arena.erase(ref);
  gather_sparse(size_class);
}

// Moves a few entries together, so that slabs get empty and go back to the system.
void Index::Impl::gather_sparse(std::uint32_t size_class) {
  for (std::size_t i = 0; i < kMovesPerErase; ++i) {
    const auto ref = arena.sparse_entry(size_class);
    if (!ref) return;
    if (history.has(*ref)) continue;  // its history knows it by this reference
    const std::string key(arena.key(*ref));
    const KeyRef moved = arena.insert(key, arena.place(*ref));
    tree.replace(key, moved);
    hash.replace(*ref, moved, hash_key(key));
    arena.erase(*ref);
  }
}

void Index::Impl::purge(std::size_t count) {
  std::optional<KeyRef> ref;
  while (count-- > 0 && history.purge(ref)) {
    if (!ref || arena.place(*ref) != kNoPlace) continue;
    const std::string key(arena.key(*ref));
    remove_entry(*ref, key, hash_key(key));
  }
}

std::optional<Place> Index::put(std::string_view key, Place place, std::uint64_t sequence) {
  const std::uint64_t key_hash = hash_key(key);
  const WriterLock lock(impl_->mutex);
  return impl_->put(key, key_hash, place, sequence);
}

std::optional<Place> Index::erase(std::string_view key, std::uint64_t sequence) {
  const std::uint64_t key_hash = hash_key(key);
  const WriterLock lock(impl_->mutex);
  return impl_->erase(key, key_hash, sequence);
}

void Index::apply(std::span<const IndexChange> changes, std::vector<Place>& replaced) {
  std::array<std::uint64_t, kTogetherMax> hashes;
  const WriterLock lock(impl_->mutex);
  for (std::size_t i = 0; i < changes.size(); ++i) {
    if (i % kTogetherMax == 0) {
      const auto next = changes.subspan(i, std::min(kTogetherMax, changes.size() - i));
      std::ranges::transform(next, hashes.begin(),
                             [](const IndexChange& one) { return hash_key(one.key); });
      impl_->hash.prefetch(std::span(hashes).first(next.size()));
    }
    const IndexChange& change = changes[i];
    const std::uint64_t key_hash = hashes[i % kTogetherMax];
    const auto old = change.is_delete
                         ? impl_->erase(change.key, key_hash, change.sequence)
                         : impl_->put(change.key, key_hash, change.place, change.sequence);
    replaced.push_back(old.value_or(kNoPlace));
  }
}

bool Index::replace(std::string_view key, Place from, Place to) {
  Move move{key, from, to};
  replace_all({&move, 1});
  return move.was_done;
}

void Index::replace_all(std::span<Move> moves) {
  KV_CHECK(moves.size() <= kTogetherMax);
  std::array<std::uint64_t, kTogetherMax> hashes;
  for (std::size_t i = 0; i < moves.size(); ++i) hashes[i] = hash_key(moves[i].key);
  const WriterLock lock(impl_->mutex);
  impl_->hash.prefetch(std::span(hashes).first(moves.size()));
  for (std::size_t i = 0; i < moves.size(); ++i) {
    Move& move = moves[i];
    const auto found = impl_->hash.find(move.key, hashes[i]);
    if (!found) continue;
    impl_->history.replace_place(*found, move.from, move.to);
    if (impl_->arena.place(*found) != move.from) continue;
    impl_->arena.set_place(*found, move.to);
    move.was_done = true;
  }
}

Index::Snapshot Index::snapshot(std::uint64_t sequence) const {
  {
    const WriterLock lock(impl_->mutex);
    impl_->history.begin_snapshot(sequence);
  }
  Impl* const impl = impl_.get();
  return {sequence, std::shared_ptr<const void>(
                        impl, [sequence, impl](const void*) { impl->end_snapshot(sequence); })};
}

void Index::Impl::end_snapshot(std::uint64_t sequence) {
  {
    const WriterLock lock(mutex);
    history.end_snapshot(sequence);
  }
  purge_rounds();
}

bool Index::Impl::purge_rounds() {
  for (std::size_t round = 0; round < kPurgeRounds; ++round) {
    const WriterLock lock(mutex);
    if (!history.has_purgeable()) return false;
    purge(kPurgePerRound);
  }
  return true;
}

bool Index::forget_some() { return impl_->purge_rounds(); }

std::uint64_t Index::snapshots() const {
  const ReaderLock lock(impl_->mutex);
  return impl_->history.snapshots();
}

// One bounded step, from `from` on (in reverse: below it), which is moved. False: the range ends
// here. Entries lie anywhere in memory, so those of a leaf are fetched together.
bool Index::Impl::scan_step(const ScanRange& range, std::string& from, bool is_first,
                            std::uint64_t sequence, std::size_t count, IndexWindow& out) const {
  const ReaderLock lock(mutex);
  const bool is_reverse = range.is_reverse;
  KeyTree::Position position =
      is_reverse && is_first && !range.end ? tree.end() : tree.lower_bound(from);
  std::string_view last;
  for (std::size_t seen = 0; seen < kScanStep && out.size() < count && !out.is_full();) {
    const std::size_t wanted = std::min(kScanStep - seen, count - out.size());
    const std::span<const KeyRef> refs =
        is_reverse ? tree.previous_some(position, wanted) : tree.next_some(position, wanted);
    if (refs.empty()) return false;
    for (const KeyRef ref : refs) arena.prefetch_whole(ref);
    for (std::size_t i = 0; i < refs.size() && !out.is_full(); ++i) {
      const KeyRef ref = refs[is_reverse ? refs.size() - 1 - i : i];
      const std::string_view key = arena.key(ref);
      if (is_reverse ? key < range.start : range.end && key >= *range.end) return false;
      last = key;
      const Place place = place_at(ref, sequence);
      if (place != kNoPlace) out.add(key, place);
    }
    seen += refs.size();
  }
  from = last;
  if (!is_reverse) from += '\0';
  return true;
}

bool Index::scan(const ScanRange& range, const Snapshot& snapshot, std::size_t count,
                 IndexWindow& out) const {
  if (range.end && *range.end <= range.start) return false;
  std::string from(range.is_reverse ? range.end.value_or("") : range.start);
  bool is_first = true;
  while (out.size() < count && !out.is_full()) {
    if (!impl_->scan_step(range, from, is_first, snapshot.sequence(), count, out)) return false;
    is_first = false;
  }
  return true;
}

void Index::load(std::vector<IndexPart> parts, std::uint32_t threads) {
  const WriterLock lock(impl_->mutex);
  KV_CHECK(impl_->live == 0 && impl_->arena.bytes() == 0);
  std::vector<KeyRef> refs;
  std::vector<std::uint32_t> shifts;  // of each part's references
  for (IndexPart& part : parts) {
    shifts.push_back(impl_->arena.absorb(std::move(part.arena_)));
    refs.reserve(refs.size() + part.refs_.size());
    for (const KeyRef ref : part.refs_) refs.push_back(KeyArena::moved(ref, shifts.back()));
    std::vector<KeyRef>().swap(part.refs_);
  }
  impl_->live = refs.size();

  std::atomic<std::size_t> next{0};
  KeyHash& hash = impl_->hash;
  const auto build_hash = [&] {
    std::vector<KeyHash::Entry> entries;
    for (std::size_t number = next++; number < KeyHash::kParts; number = next++) {
      entries.clear();
      for (std::size_t i = 0; i < parts.size(); ++i) {
        auto& hashes = parts[i].hashes_[number];
        for (KeyHash::Entry entry : hashes) {
          entry.ref = KeyArena::moved(entry.ref, shifts[i]);
          entries.push_back(entry);
        }
        std::vector<KeyHash::Entry>().swap(hashes);
      }
      hash.build_part(number, entries);
    }
  };
  {
    std::vector<std::jthread> helpers;
    for (std::uint32_t i = 1; i < threads; ++i) helpers.emplace_back(build_hash);
    build_hash();
  }
  impl_->tree.build(refs, threads);
}

void Index::check_invariants() const {
  const WriterLock lock(impl_->mutex);
  impl_->tree.check_invariants();
  KeyTree::Position position = impl_->tree.lower_bound("");
  KeyRef ref{};
  std::uint64_t live = 0;
  while (impl_->tree.next(position, ref)) {
    const std::string_view key = impl_->arena.key(ref);
    KV_CHECK(impl_->hash.find(key, hash_key(key)) == ref);
    const bool is_ghost = impl_->arena.place(ref) == kNoPlace;
    KV_CHECK(!is_ghost || impl_->history.has(ref));
    if (!is_ghost) live += 1;
  }
  KV_CHECK(live == impl_->live);
}

}  // namespace kv::engine
