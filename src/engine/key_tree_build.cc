// Filling an empty KeyTree at once: full leaves by several threads, then the nodes above them.

#include <thread>
#include <utility>

#include "base/check.h"
#include "engine/key_tree_nodes.h"

namespace kv::engine {

std::vector<KeyTree::Leaf*> KeyTree::Impl::build_leaves(std::span<const KeyRef> refs,
                                                        std::uint32_t threads) {
  std::vector<Leaf*> built((refs.size() + kLeafSlots - 1) / kLeafSlots);
  const auto fill = [&](std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end; ++i) {
      Leaf* const leaf = new_leaf();
      const auto part =
          refs.subspan(i * kLeafSlots, std::min(kLeafSlots, refs.size() - i * kLeafSlots));
      std::copy(part.begin(), part.end(), leaf->refs.begin());
      leaf->count = static_cast<std::uint16_t>(part.size());
      rebuild_fragments(*leaf);
      built[i] = leaf;
    }
  };
  std::vector<std::jthread> helpers;
  for (std::size_t t = 1; t < threads; ++t) {
    helpers.emplace_back(fill, built.size() * t / threads, built.size() * (t + 1) / threads);
  }
  fill(0, built.size() / threads);
  return built;
}

void KeyTree::Impl::build(std::span<const KeyRef> refs, std::uint32_t threads) {
  KV_CHECK(root->is_leaf && root->count == 0);
  if (refs.empty()) return;
  struct Child {
    Node* node;
    std::string bound;
  };
  std::vector<Child> level;
  Leaf* before = nullptr;
  for (Leaf* const leaf : build_leaves(refs, threads)) {
    leaf->previous = before;
    if (before != nullptr) before->next = leaf;
    level.push_back({leaf, before != nullptr ? bound_between(*before, *leaf) : std::string()});
    before = leaf;
  }
  last = before;
  free_node(root);
  while (level.size() > 1) {
    std::vector<Child> above;
    for (std::size_t i = 0; i < level.size(); ++i) {
      if (i % kInnerSlots == 0) above.push_back({new_inner(), std::move(level[i].bound)});
      auto& inner = static_cast<Inner&>(*above.back().node);
      inner.children[inner.count] = level[i].node;
      if (inner.count > 0) set_bound(inner, inner.count, std::move(level[i].bound));
      inner.count += 1;
    }
    level = std::move(above);
  }
  root = level.front().node;
}

void KeyTree::build(std::span<const KeyRef> refs, std::uint32_t threads) {
  impl_->build(refs, threads);
}

}  // namespace kv::engine
