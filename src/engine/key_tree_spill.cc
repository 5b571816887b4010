// Before a full leaf of the KeyTree splits, a neighbour with room takes some of its keys: leaves
// are four fifths full on average instead of two thirds, and not half empty where keys come in
// ascending order all over the tree (the B*-tree of Knuth, TAOCP 3, 6.2.4).

#include <algorithm>

#include "engine/key_tree_nodes.h"

namespace kv::engine {

namespace {

// Fewer are not worth the move.
constexpr std::size_t kRoomMin = kLeafSlots / 4;

}  // namespace

// False: the child is no full leaf, or its neighbours are nearly full, too.
bool KeyTree::Impl::make_room(Inner& inner, std::size_t slot) {
  if (!inner.children[slot]->is_leaf || inner.children[slot]->count < kLeafSlots) return false;
  auto& leaf = *static_cast<Leaf*>(inner.children[slot]);
  if (slot + 1 < inner.count) {
    auto& right = *static_cast<Leaf*>(inner.children[slot + 1]);
    const std::size_t room = kLeafSlots - right.count;
    if (room >= kRoomMin) {
      shift_right(leaf, right, room / 2);
      set_bound(inner, slot + 1, bound_between(leaf, right));
      return true;
    }
  }
  if (slot > 0) {
    auto& left = *static_cast<Leaf*>(inner.children[slot - 1]);
    const std::size_t room = kLeafSlots - left.count;
    if (room >= kRoomMin) {
      shift_left(left, leaf, room / 2);
      set_bound(inner, slot, bound_between(left, leaf));
      return true;
    }
  }
  return false;
}

// The last `count` of `left` become the first of `right`.
void KeyTree::Impl::shift_right(Leaf& left, Leaf& right, std::size_t count) const {
  const auto shift = [&](auto& from, auto& to) {
    std::copy_backward(to.begin(), to.begin() + right.count, to.begin() + right.count + count);
    std::copy_n(from.begin() + left.count - count, count, to.begin());
  };
  shift(left.refs, right.refs);
  shift(left.fragments, right.fragments);
  left.count = static_cast<std::uint16_t>(left.count - count);
  right.count = static_cast<std::uint16_t>(right.count + count);
  const bool are_alike = left.skip == right.skip;
  const std::uint32_t skip = right.skip;
  update_fragments(left, left.skip);
  update_fragments(right, are_alike ? skip : UINT32_MAX);
}

// The first `count` of `right` become the last of `left`.
void KeyTree::Impl::shift_left(Leaf& left, Leaf& right, std::size_t count) const {
  const auto shift = [&](auto& to, auto& from) {
    std::copy_n(from.begin(), count, to.begin() + left.count);
    std::copy(from.begin() + static_cast<std::ptrdiff_t>(count), from.begin() + right.count,
              from.begin());
  };
  shift(left.refs, right.refs);
  shift(left.fragments, right.fragments);
  left.count = static_cast<std::uint16_t>(left.count + count);
  right.count = static_cast<std::uint16_t>(right.count - count);
  const bool are_alike = left.skip == right.skip;
  const std::uint32_t skip = left.skip;
  update_fragments(right, right.skip);
  update_fragments(left, are_alike ? skip : UINT32_MAX);
}

// All fragments are right for `known_skip`; the keys may have more or less in common now.
void KeyTree::Impl::update_fragments(Leaf& leaf, std::uint32_t known_skip) const {
  const auto skip = static_cast<std::uint32_t>(
      common_prefix(key(leaf, 0), key(leaf, std::size_t{leaf.count} - 1)));
  leaf.skip = known_skip;
  if (leaf.count < 2 || skip != known_skip) rebuild_fragments(leaf);
}

}  // namespace kv::engine
