#include "engine/key_tree.h"

#include <algorithm>
#include <cstring>
#include <string>

#include "base/check.h"
#include "engine/key_tree_nodes.h"

namespace kv::engine {

namespace {

// Up to 4 bytes of the key behind `skip` as a number that compares as they do; missing ones count
// as zero.
std::uint32_t fragment_of(std::string_view key, std::size_t skip) {
  unsigned char bytes[4] = {};
  if (key.size() > skip)
    std::memcpy(bytes, key.data() + skip, std::min<std::size_t>(4, key.size() - skip));
  return std::uint32_t{bytes[0]} << 24 | std::uint32_t{bytes[1]} << 16 |
         std::uint32_t{bytes[2]} << 8 | bytes[3];
}

// Head and references of a leaf that is needed soon.
void prefetch(const KeyTree::Leaf* leaf) {
  constexpr std::size_t kLine = 64;
  if (leaf == nullptr) return;
  const auto* const bytes = reinterpret_cast<const char*>(leaf);
  const auto* const end = reinterpret_cast<const char*>(leaf->refs.data() + leaf->refs.size());
  for (const char* at = bytes; at < end; at += kLine) __builtin_prefetch(at);
}

}  // namespace

KeyTree::Inner* KeyTree::Impl::new_inner() {
  auto* const inner = new Inner;
  inner_bytes += ::malloc_usable_size(inner) + kMallocHead;
  return inner;
}

void KeyTree::Impl::free_node(Node* node) {
  if (node->is_leaf) return leaves.give(static_cast<Leaf*>(node));
  auto* inner = static_cast<Inner*>(node);
  inner_bytes -= ::malloc_usable_size(inner) + kMallocHead;
  for (const std::string& bound : inner->bounds) inner_bytes -= heap_bytes(bound);
  delete inner;
}

void KeyTree::Impl::free_inners(Node* node) {
  if (node->is_leaf) return;
  auto* inner = static_cast<Inner*>(node);
  for (std::size_t i = 0; i < inner->count; ++i) free_inners(inner->children[i]);
  free_node(inner);
}

void KeyTree::Impl::set_bound(Inner& inner, std::size_t slot, std::string bound) {
  inner_bytes -= heap_bytes(inner.bounds[slot]);
  bound.shrink_to_fit();
  inner.bounds[slot] = std::move(bound);
  inner_bytes += heap_bytes(inner.bounds[slot]);
}

std::size_t KeyTree::Impl::lower_bound(const Leaf& leaf, std::string_view wanted) const {
  if (leaf.count == 0) return 0;
  if (leaf.skip > 0) {
    const std::string_view shared = key(leaf, 0).substr(0, leaf.skip);
    const int order = wanted.substr(0, leaf.skip).compare(shared);
    if (order < 0) return 0;
    if (order > 0) return leaf.count;
  }
  const std::uint32_t fragment = fragment_of(wanted, leaf.skip);
  const auto begin = leaf.fragments.begin();
  const auto range = std::equal_range(begin, begin + leaf.count, fragment);
  auto low = static_cast<std::size_t>(range.first - begin);
  auto high = static_cast<std::size_t>(range.second - begin);
  while (low < high) {
    const std::size_t middle = (low + high) / 2;
    if (key(leaf, middle) < wanted) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

std::size_t KeyTree::Impl::child_of(const Inner& inner, std::string_view key) {
  const auto begin = inner.bounds.begin();
  const auto found =
      std::upper_bound(begin + 1, begin + inner.count, key,
                       [](std::string_view a, const std::string& b) { return a < b; });
  return static_cast<std::size_t>(found - begin) - 1;
}

const KeyTree::Leaf& KeyTree::Impl::leaf_of(std::string_view key) const {
  const Node* node = root;
  while (!node->is_leaf) {
    const auto* inner = static_cast<const Inner*>(node);
    node = inner->children[child_of(*inner, key)];
  }
  return *static_cast<const Leaf*>(node);
}

void KeyTree::Impl::rebuild_fragments(Leaf& leaf) const {
  if (leaf.count == 0) return;
  leaf.skip = leaf.count == 1 ? 0
                              : static_cast<std::uint32_t>(common_prefix(
                                    key(leaf, 0), key(leaf, std::size_t{leaf.count} - 1)));
  for (std::size_t i = 0; i < leaf.count; ++i)
    leaf.fragments[i] = fragment_of(key(leaf, i), leaf.skip);
}

std::string KeyTree::Impl::bound_between(const Leaf& left, const Leaf& right) const {
  const std::string_view low = key(left, std::size_t{left.count} - 1);
  const std::string_view high = key(right, 0);
  return std::string(high.substr(0, common_prefix(low, high) + 1));
}

void KeyTree::Impl::insert_slot(Leaf& leaf, std::size_t slot, KeyRef ref) const {
  std::copy_backward(leaf.refs.begin() + static_cast<std::ptrdiff_t>(slot),
                     leaf.refs.begin() + leaf.count, leaf.refs.begin() + leaf.count + 1);
  std::copy_backward(leaf.fragments.begin() + static_cast<std::ptrdiff_t>(slot),
                     leaf.fragments.begin() + leaf.count, leaf.fragments.begin() + leaf.count + 1);
  leaf.refs[slot] = ref;
  leaf.count += 1;
  // A key at either end may have less in common with the others.
  const bool is_edge = slot == 0 || slot + 1 == leaf.count;
  const std::string_view added = arena.key(ref);
  const bool fits = leaf.count > 2 &&
                    (!is_edge || (added.size() >= leaf.skip &&
                                  common_prefix(added, key(leaf, slot == 0 ? 1 : 0)) >= leaf.skip));
  if (fits) {
    leaf.fragments[slot] = fragment_of(added, leaf.skip);
  } else {
    rebuild_fragments(leaf);
  }
}

KeyTree::Impl::Split KeyTree::Impl::insert_into_leaf(Leaf& leaf, KeyRef ref,
                                                     std::string_view added) {
  const std::size_t slot = lower_bound(leaf, added);
  if (leaf.count < kLeafSlots) {
    insert_slot(leaf, slot, ref);
    return {};
  }
  // Keys that come in ascending order leave full leaves behind.
  const bool is_appended = slot == kLeafSlots && leaf.next == nullptr;
  const std::size_t kept = is_appended ? kLeafSlots : kLeafSlots / 2;
  Leaf* const right = new_leaf();
  right->count = static_cast<std::uint16_t>(leaf.count - kept);
  std::copy_n(leaf.refs.begin() + static_cast<std::ptrdiff_t>(kept), right->count,
              right->refs.begin());
  leaf.count = static_cast<std::uint16_t>(kept);
  right->next = leaf.next;
  right->previous = &leaf;
  (right->next != nullptr ? right->next->previous : last) = right;
  leaf.next = right;
  rebuild_fragments(leaf);
  rebuild_fragments(*right);
  if (slot > kept || is_appended) {
    insert_slot(*right, slot - kept, ref);
  } else {
    insert_slot(leaf, slot, ref);
  }
  return {bound_between(leaf, *right), right};
}

KeyTree::Impl::Split KeyTree::Impl::insert_child(Inner& inner, std::size_t slot, Split split) {
  if (inner.count == kInnerSlots) {
    const bool is_appended = slot == kInnerSlots;
    const std::size_t kept = is_appended ? kInnerSlots - 1 : kInnerSlots / 2;
    Inner* const right = new_inner();
    Split up{inner.bounds[kept], right};
    for (std::size_t i = kept; i < kInnerSlots; ++i) {
      right->children[i - kept] = inner.children[i];
      if (i > kept) set_bound(*right, i - kept, inner.bounds[i]);
      set_bound(inner, i, {});
    }
    right->count = static_cast<std::uint16_t>(kInnerSlots - kept);
    inner.count = static_cast<std::uint16_t>(kept);
    if (slot > kept) {
      insert_child(*right, slot - kept, std::move(split));
    } else {
      insert_child(inner, slot, std::move(split));
    }
    return up;
  }
  for (std::size_t i = inner.count; i > slot; --i) {
    inner.children[i] = inner.children[i - 1];
    std::swap(inner.bounds[i], inner.bounds[i - 1]);
  }
  inner.children[slot] = split.right;
  set_bound(inner, slot, std::move(split.bound));
  inner.count += 1;
  return {};
}

KeyTree::Impl::Split KeyTree::Impl::insert(Node* node, KeyRef ref, std::string_view added) {
  if (node->is_leaf) return insert_into_leaf(*static_cast<Leaf*>(node), ref, added);
  auto& inner = *static_cast<Inner*>(node);
  std::size_t slot = child_of(inner, added);
  if (make_room(inner, slot)) slot = child_of(inner, added);
  Split split = insert(inner.children[slot], ref, added);
  if (split.right == nullptr) return {};
  return insert_child(inner, slot + 1, std::move(split));
}

void KeyTree::Impl::check(const Node* node, const std::string* low, const std::string* high,
                          std::string& previous) const {
  if (!node->is_leaf) {
    const auto& inner = *static_cast<const Inner*>(node);
    KV_CHECK(inner.count >= 1);
    for (std::size_t i = 0; i < inner.count; ++i) {
      const bool is_last = i + 1 == inner.count;
      check(inner.children[i], i == 0 ? low : &inner.bounds[i],
            is_last ? high : &inner.bounds[i + 1], previous);
    }
    return;
  }
  const auto& leaf = *static_cast<const Leaf*>(node);
  for (std::size_t i = 0; i < leaf.count; ++i) {
    const std::string_view one = key(leaf, i);
    KV_CHECK(previous.empty() || previous < one);
    KV_CHECK(low == nullptr || *low <= one);
    KV_CHECK(high == nullptr || one < *high);
    KV_CHECK(leaf.fragments[i] == fragment_of(one, leaf.skip));
    KV_CHECK(one.substr(0, leaf.skip) == key(leaf, 0).substr(0, leaf.skip));
    previous = one;
  }
  KV_CHECK(leaf.next == nullptr || leaf.next->previous == &leaf);
  KV_CHECK((leaf.next == nullptr) == (last == &leaf));
}

KeyTree::KeyTree(const KeyArena& arena) : impl_(std::make_unique<Impl>(arena)) {}
KeyTree::~KeyTree() = default;

void KeyTree::insert(KeyRef ref) {
  Impl::Split split = impl_->insert(impl_->root, ref, impl_->arena.key(ref));
  if (split.right == nullptr) return;
  Inner* const root = impl_->new_inner();
  root->children[0] = impl_->root;
  root->children[1] = split.right;
  root->count = 2;
  impl_->set_bound(*root, 1, std::move(split.bound));
  impl_->root = root;
}

void KeyTree::replace(std::string_view key, KeyRef to) {
  auto& leaf = const_cast<Leaf&>(impl_->leaf_of(key));
  const std::size_t slot = impl_->lower_bound(leaf, key);
  KV_CHECK(slot < leaf.count && impl_->key(leaf, slot) == key);
  leaf.refs[slot] = to;
}

KeyTree::Position KeyTree::lower_bound(std::string_view key) const {
  const Leaf& leaf = impl_->leaf_of(key);
  return {&leaf, impl_->lower_bound(leaf, key)};
}

KeyTree::Position KeyTree::end() const { return {impl_->last, impl_->last->count}; }

bool KeyTree::next(Position& position, KeyRef& ref) const {
  while (position.slot >= position.leaf->count) {
    if (position.leaf->next == nullptr) return false;
    position = {position.leaf->next, 0};
  }
  ref = position.leaf->refs[position.slot++];
  return true;
}

bool KeyTree::previous(Position& position, KeyRef& ref) const {
  while (position.slot == 0) {
    if (position.leaf->previous == nullptr) return false;
    position = {position.leaf->previous, position.leaf->previous->count};
  }
  ref = position.leaf->refs[--position.slot];
  return true;
}

std::span<const KeyRef> KeyTree::next_some(Position& position, std::size_t count) const {
  while (position.slot >= position.leaf->count) {
    if (position.leaf->next == nullptr) return {};
    position = {position.leaf->next, 0};
  }
  const std::size_t begin = position.slot;
  position.slot = std::min<std::size_t>(begin + count, position.leaf->count);
  prefetch(position.leaf->next);
  return std::span(position.leaf->refs).subspan(begin, position.slot - begin);
}

std::span<const KeyRef> KeyTree::previous_some(Position& position, std::size_t count) const {
  while (position.slot == 0) {
    if (position.leaf->previous == nullptr) return {};
    position = {position.leaf->previous, position.leaf->previous->count};
  }
  const std::size_t end = position.slot;
  position.slot -= std::min(end, count);
  prefetch(position.leaf->previous);
  return std::span(position.leaf->refs).subspan(position.slot, end - position.slot);
}

std::uint64_t KeyTree::bytes() const { return impl_->inner_bytes + impl_->leaves.bytes(); }

void KeyTree::check_invariants() const {
  std::string previous;
  impl_->check(impl_->root, nullptr, nullptr, previous);
}

}  // namespace kv::engine
