#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <malloc.h>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/key_tree.h"
#include "engine/node_pool.h"

// The nodes of the KeyTree and what is done to them; for its own source files.

namespace kv::engine {

inline constexpr std::size_t kLeafSlots = 64;
inline constexpr std::size_t kInnerSlots = 64;
inline constexpr std::size_t kMallocHead = 8;

inline std::size_t common_prefix(std::string_view a, std::string_view b) {
  const auto end = std::mismatch(a.begin(), a.end(), b.begin(), b.end()).first;
  return static_cast<std::size_t>(end - a.begin());
}

struct KeyTree::Node {
  explicit Node(bool leaf) : is_leaf(leaf) {}
  const bool is_leaf;
  std::uint16_t count = 0;  // keys of a leaf, children of an inner node
};

struct KeyTree::Leaf : Node {
  Leaf() : Node(true) {}
  std::uint32_t skip = 0;  // bytes that all its keys begin with, alike
  Leaf* next = nullptr;
  Leaf* previous = nullptr;
  std::array<KeyRef, kLeafSlots> refs;
  std::array<std::uint32_t, kLeafSlots> fragments;
};

struct KeyTree::Inner : Node {
  Inner() : Node(false) {}
  std::array<Node*, kInnerSlots> children;
  std::array<std::string, kInnerSlots>
      bounds;  // [i] <= every key of child i, > every key before; [0] unused
};

struct KeyTree::Impl {
  explicit Impl(const KeyArena& entries)
      : arena(entries), root(new_leaf()), last(static_cast<Leaf*>(root)) {}
  ~Impl() { free_inners(root); }

  struct Split {
    std::string bound;
    Node* right = nullptr;
  };

  Leaf* new_leaf() { return new (leaves.take()) Leaf; }
  Inner* new_inner();
  void free_node(Node* node);
  void free_inners(Node* node);  // the leaves end with their pool
  void set_bound(Inner& inner, std::size_t slot, std::string bound);
  static std::uint64_t heap_bytes(const std::string& text) {
    return text.capacity() > 15 ? text.capacity() + 1 + kMallocHead : 0;
  }

  std::string_view key(const Leaf& leaf, std::size_t slot) const {
    return arena.key(leaf.refs[slot]);
  }
  std::size_t lower_bound(const Leaf& leaf, std::string_view key) const;
  static std::size_t child_of(const Inner& inner, std::string_view key);
  const Leaf& leaf_of(std::string_view key) const;
  void rebuild_fragments(Leaf& leaf) const;
  void insert_slot(Leaf& leaf, std::size_t slot, KeyRef ref) const;
  void erase_slot(Leaf& leaf, std::size_t slot) const;

  // As much of the right one's first key as tells it from the left one's last.
  std::string bound_between(const Leaf& left, const Leaf& right) const;
  void build(std::span<const KeyRef> refs, std::uint32_t threads);
  std::vector<Leaf*> build_leaves(std::span<const KeyRef> refs, std::uint32_t threads);

  Split insert(Node* node, KeyRef ref, std::string_view key);
  bool make_room(Inner& inner, std::size_t slot);
  void shift_right(Leaf& left, Leaf& right, std::size_t count) const;
  void shift_left(Leaf& left, Leaf& right, std::size_t count) const;
  void update_fragments(Leaf& leaf, std::uint32_t known_skip) const;
  Split insert_into_leaf(Leaf& leaf, KeyRef ref, std::string_view key);
  Split insert_child(Inner& inner, std::size_t slot, Split split);
  void erase(Node* node, std::string_view key);
  void rebalance(Inner& inner, std::size_t slot);
  void remove_child(Inner& inner, std::size_t slot);
  void join_leaves(Inner& inner, std::size_t left);
  void join_inners(Inner& inner, std::size_t left);
  void drop_empty(Inner& inner, std::size_t slot);
  void move_sparse_leaf();
  void check(const Node* node, const std::string* low, const std::string* high,
             std::string& previous) const;

  const KeyArena& arena;
  std::uint64_t inner_bytes = 0;
  NodePool leaves{sizeof(Leaf)};
  Node* root;
  Leaf* last;
};

}  // namespace kv::engine
