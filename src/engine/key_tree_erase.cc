// The KeyTree's erase: keys leave, sparse nodes join.

#include <algorithm>

#include "base/check.h"
#include "engine/key_tree_nodes.h"

namespace kv::engine {

void KeyTree::erase(std::string_view key) {
  impl_->erase(impl_->root, key);
  while (!impl_->root->is_leaf && impl_->root->count == 1) {
    Node* const only = static_cast<Inner*>(impl_->root)->children[0];
    impl_->free_node(impl_->root);
    impl_->root = only;
  }
  impl_->move_sparse_leaf();
}

void KeyTree::Impl::erase_slot(Leaf& leaf, std::size_t slot) const {
  std::copy(leaf.refs.begin() + static_cast<std::ptrdiff_t>(slot) + 1,
            leaf.refs.begin() + leaf.count, leaf.refs.begin() + static_cast<std::ptrdiff_t>(slot));
  std::copy(leaf.fragments.begin() + static_cast<std::ptrdiff_t>(slot) + 1,
            leaf.fragments.begin() + leaf.count,
            leaf.fragments.begin() + static_cast<std::ptrdiff_t>(slot));
  leaf.count -= 1;
}

void KeyTree::Impl::erase(Node* node, std::string_view erased) {
  if (node->is_leaf) {
    auto& leaf = *static_cast<Leaf*>(node);
    const std::size_t slot = lower_bound(leaf, erased);
    KV_CHECK(slot < leaf.count && key(leaf, slot) == erased);
    erase_slot(leaf, slot);
    return;
  }
  auto& inner = *static_cast<Inner*>(node);
  const std::size_t slot = child_of(inner, erased);
  erase(inner.children[slot], erased);
  rebalance(inner, slot);
}

void KeyTree::Impl::remove_child(Inner& inner, std::size_t slot) {
  free_node(inner.children[slot]);
  for (std::size_t i = slot + 1; i < inner.count; ++i) {
    inner.children[i - 1] = inner.children[i];
    std::swap(inner.bounds[i - 1], inner.bounds[i]);
  }
  inner.count -= 1;
  set_bound(inner, inner.count, {});
}

// Joins a sparse child with a neighbour when both fit into three quarters of one node.
void KeyTree::Impl::rebalance(Inner& inner, std::size_t slot) {
  const Node& child = *inner.children[slot];
  if (child.count == 0) return drop_empty(inner, slot);
  const std::size_t slots = child.is_leaf ? kLeafSlots : kInnerSlots;
  if (child.count >= slots / 4) return;
  const auto fits = [&](std::size_t neighbour) {
    return std::size_t{child.count} + inner.children[neighbour]->count <= slots * 3 / 4;
  };
  std::size_t left = slot;
  if (slot > 0 && fits(slot - 1)) {
    left = slot - 1;
  } else if (slot + 1 >= inner.count || !fits(slot + 1)) {
    return;
  }
  if (child.is_leaf) {
    join_leaves(inner, left);
  } else {
    join_inners(inner, left);
  }
}

void KeyTree::Impl::join_leaves(Inner& inner, std::size_t left_slot) {
  auto& left = *static_cast<Leaf*>(inner.children[left_slot]);
  auto& right = *static_cast<Leaf*>(inner.children[left_slot + 1]);
  std::copy_n(right.refs.begin(), right.count, left.refs.begin() + left.count);
  left.count = static_cast<std::uint16_t>(left.count + right.count);
  left.next = right.next;
  (left.next != nullptr ? left.next->previous : last) = &left;
  rebuild_fragments(left);
  remove_child(inner, left_slot + 1);
}

// Its neighbours were too full to join with it. An only child leaves an empty parent to be dropped;
// the root has two children or more.
void KeyTree::Impl::drop_empty(Inner& inner, std::size_t slot) {
  if (inner.children[slot]->is_leaf) {
    const auto& leaf = *static_cast<Leaf*>(inner.children[slot]);
    if (leaf.previous != nullptr) leaf.previous->next = leaf.next;
    (leaf.next != nullptr ? leaf.next->previous : last) = leaf.previous;
  }
  remove_child(inner, slot);
}

void KeyTree::Impl::move_sparse_leaf() {
  auto* const from = static_cast<Leaf*>(leaves.sparse_node());
  if (from == nullptr || from->count == 0) return;  // empty: the root of an empty tree
  Leaf* const to = new (leaves.take()) Leaf(*from);
  Node** place = &root;
  while (!(*place)->is_leaf) {
    auto& inner = *static_cast<Inner*>(*place);
    place = &inner.children[child_of(inner, key(*from, 0))];
  }
  KV_CHECK(*place == from);
  *place = to;
  if (to->previous != nullptr) to->previous->next = to;
  (to->next != nullptr ? to->next->previous : last) = to;
  leaves.give(from);
}

void KeyTree::Impl::join_inners(Inner& inner, std::size_t left_slot) {
  auto& left = *static_cast<Inner*>(inner.children[left_slot]);
  auto& right = *static_cast<Inner*>(inner.children[left_slot + 1]);
  for (std::size_t i = 0; i < right.count; ++i) {
    left.children[std::size_t{left.count} + i] = right.children[i];
    set_bound(left, std::size_t{left.count} + i,
              i == 0 ? inner.bounds[left_slot + 1] : right.bounds[i]);
  }
  left.count = static_cast<std::uint16_t>(left.count + right.count);
  remove_child(inner, left_slot + 1);
}

}  // namespace kv::engine
