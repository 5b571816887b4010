#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "engine/key_arena.h"

namespace kv::engine {

// The keys in order: a B+tree (Comer, "The Ubiquitous B-Tree", 1979) of references to entries. A
// leaf keeps with each reference 4 bytes of its key, taken behind what all its keys have in common,
// so that most comparisons do not leave the leaf. Inner nodes keep the shortest strings that part
// their children.
//
// One writer at a time, beside readers that hold the index's lock.
class KeyTree {
 public:
  explicit KeyTree(const KeyArena& arena);
  ~KeyTree();
  KeyTree(const KeyTree&) = delete;
  KeyTree& operator=(const KeyTree&) = delete;

  void insert(KeyRef ref);  // its key is not there yet
  void erase(std::string_view key);
  void replace(std::string_view key, KeyRef to);  // the same key's entry moved
  // Fills an empty tree with full leaves; keys in strictly ascending order.
  void build(std::span<const KeyRef> refs, std::uint32_t threads);

  struct Leaf;
  // A place between keys; any change of the tree invalidates it.
  struct Position {
    const Leaf* leaf = nullptr;
    std::size_t slot = 0;
  };
  Position lower_bound(std::string_view key) const;
  Position end() const;
  // The key at the position, which moves behind it. False at the end.
  bool next(Position& position, KeyRef& ref) const;
  // The key before the position, which moves in front of it. False at the beginning.
  bool previous(Position& position, KeyRef& ref) const;

  // Up to `count` keys from the position on that lie together, in order; it moves behind them. None
  // at the end.
  std::span<const KeyRef> next_some(Position& position, std::size_t count) const;
  // The same in front of the position, which moves in front of them; in ascending order, too.
  std::span<const KeyRef> previous_some(Position& position, std::size_t count) const;

  std::uint64_t bytes() const;
  // Aborts unless order, fragments, links and sizes are right. For tests.
  void check_invariants() const;

 private:
  struct Node;
  struct Inner;
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace kv::engine
