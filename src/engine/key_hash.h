#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include <absl/functional/function_ref.h>

#include "engine/key_arena.h"
#include "engine/node_pool.h"

namespace kv::engine {

// What the keydir goes by. Seeded anew in each process, so that nobody can choose keys that crowd
// one page; never written to disk.
std::uint64_t hash_key(std::string_view key);

// The keydir: finds a key's entry by hash. Extendible hashing (Fagin, Nievergelt, Pippenger,
// Strong, 1979) in 256 parts with a directory each: a full page splits alone, and what doubles is
// one small directory, so no operation moves more than a page of entries. Pages that became half
// empty join again.
//
// One writer at a time, beside readers that hold the index's lock.
class KeyHash {
 public:
  explicit KeyHash(const KeyArena& arena) : arena_(arena) {}

  std::optional<KeyRef> find(std::string_view key, std::uint64_t hash) const {
    return find(key, hash, [] {});
  }
  // Calls `meanwhile` while the memory of an entry that may be the key's is on its way.
  std::optional<KeyRef> find(std::string_view key, std::uint64_t hash,
                             absl::FunctionRef<void()> meanwhile) const;
  void insert(KeyRef ref, std::uint64_t hash);  // not there yet
  void erase(KeyRef ref, std::uint64_t hash);   // must be there
  void replace(KeyRef from, KeyRef to, std::uint64_t hash);
  // Brings to the processor what find() will touch for each, at most kPrefetchMax: in three rounds,
  // so that the memory is waited for once a round and not once a key.
  static constexpr std::size_t kPrefetchMax = 64;
  void prefetch(std::span<const std::uint64_t> hashes) const;

  std::uint64_t bytes() const { return sizeof(KeyHash) + directory_bytes_ + pages_.bytes(); }

  // Filling an empty table at once: any number of threads may each build other parts.
  static constexpr std::size_t kPartBits = 8;
  static constexpr std::size_t kParts = std::size_t{1} << kPartBits;
  struct Entry {
    std::uint64_t hash;
    KeyRef ref;
  } __attribute__((packed));  // there are as many of them as keys
  static std::size_t part_of(std::uint64_t hash) { return hash >> (64 - kPartBits); }
  // `entries` are all of the part, each key once; they are left in another order.
  void build_part(std::size_t number, std::span<Entry> entries);

 private:
  static constexpr std::size_t kSlots = 64;
  static constexpr std::uint8_t kDepthMax = 32;        // some 2^38 entries before
  static constexpr std::size_t kJoinMax = kSlots / 2;  // entries of two pages that join

  struct Page {
    std::uint8_t depth = 0;  // bits of the hash that its entries share
    std::uint8_t count = 0;
    std::uint8_t part = 0;
    std::uint32_t low_bits = 0;             // of the hashes of its entries, `depth` of them
    std::array<std::uint8_t, kSlots> tags;  // of the entries, one more byte of their hash
    std::array<KeyRef, kSlots> refs;
  };
  struct Part {
    std::uint8_t depth = 0;
    std::uint32_t deepest = 0;     // pages of that depth
    std::vector<Page*> directory;  // 2^depth of them
  };

  static std::uint8_t tag_of(std::uint64_t hash) {
    return static_cast<std::uint8_t>(hash >> (64 - kPartBits - 8));
  }
  static std::size_t slot_of(const Part& part, std::uint64_t hash) {
    return hash & ((std::size_t{1} << part.depth) - 1);
  }
  const Page* page_of(std::uint64_t hash) const {
    const Part& part = parts_[part_of(hash)];
    return part.directory.empty() ? nullptr : part.directory[slot_of(part, hash)];
  }
  // The first entry from `from` on with that tag; `count` when there is none.
  static std::size_t find_tag(const Page& page, std::uint8_t tag, std::size_t from);
  std::uint64_t hash_of(KeyRef ref) const;
  static std::optional<std::size_t> position(const Page& page, KeyRef ref, std::uint8_t tag);
  void split(Part& part, std::uint64_t hash);
  void join(Part& part, std::uint64_t hash);
  void build_pages(std::span<Entry> entries, std::size_t part, std::uint8_t depth,
                   std::uint32_t low_bits, std::vector<Page*>& out);
  Page* new_page(std::size_t part, std::uint8_t depth, std::uint32_t low_bits);
  static void point_to(Part& part, Page* page);
  void move_sparse_page();
  void resize(Part& part, std::size_t size);

  const KeyArena& arena_;
  NodePool pages_{sizeof(Page)};
  std::array<Part, kParts> parts_;
  std::atomic<std::uint64_t> directory_bytes_ = 0;
};

}  // namespace kv::engine
