#include "engine/node_pool.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <random>
#include <vector>

#include <doctest/doctest.h>

using kv::engine::NodePool;

namespace {

constexpr std::size_t kNodeSize = 328;

// Nodes filled with a number each, so that a node given out twice shows.
struct Nodes {
  NodePool pool{kNodeSize};
  std::map<void*, std::uint8_t> all;
  std::mt19937 random{17};

  void take() {
    void* const node = pool.take();
    REQUIRE(!all.contains(node));
    all[node] = static_cast<std::uint8_t>(random());
    std::memset(node, all[node], kNodeSize);
  }
  void give(std::map<void*, std::uint8_t>::iterator node) {
    pool.give(node->first);
    all.erase(node);
  }
  bool move_one() {
    void* const from = pool.sparse_node();
    if (from == nullptr) return false;
    REQUIRE(all.contains(from));
    void* const to = pool.take();
    REQUIRE(!all.contains(to));
    std::memcpy(to, from, kNodeSize);
    all[to] = all[from];
    give(all.find(from));
    return true;
  }
  void check() const {
    for (const auto& [node, fill] : all) {
      const auto* const bytes = static_cast<const std::uint8_t*>(node);
      REQUIRE(
          std::all_of(bytes, bytes + kNodeSize, [&](std::uint8_t byte) { return byte == fill; }));
    }
  }
};

}  // namespace

TEST_CASE("nodes of a pool do not overlap, whatever comes and goes") {
  Nodes nodes;
  for (int round = 0; round < 20'000; ++round) {
    const bool grows = round / 4000 % 2 == 0;
    if (nodes.all.empty() || (nodes.random() % 4 != 0) == grows) {
      nodes.take();
    } else {
      auto node = nodes.all.lower_bound(std::prev(nodes.all.end())->first);
      std::advance(node,
                   -static_cast<int>(nodes.random() % std::min<std::size_t>(50, nodes.all.size())));
      nodes.give(node);
    }
    if (round % 5 == 0) nodes.move_one();
  }
  nodes.check();
  while (!nodes.all.empty()) nodes.give(nodes.all.begin());
  CHECK(nodes.pool.bytes() <= 256 * 1024);
}

TEST_CASE("a pool that was left sparse gives its slabs back as nodes move") {
  Nodes nodes;
  constexpr std::size_t kNodes = 20'000;
  for (std::size_t i = 0; i < kNodes; ++i) nodes.take();
  CHECK(nodes.pool.bytes() < kNodes * kNodeSize * 1.01 + 1024);
  CHECK(nodes.pool.sparse_node() == nullptr);
  std::vector<void*> order;
  for (const auto& [node, fill] : nodes.all) order.push_back(node);
  std::shuffle(order.begin(), order.end(), nodes.random);
  for (std::size_t i = 0; i < kNodes * 9 / 10; ++i) nodes.give(nodes.all.find(order[i]));
  CHECK(nodes.pool.bytes() > kNodes * kNodeSize / 2);  // scattered
  while (nodes.move_one()) continue;
  nodes.check();
  CHECK(nodes.all.size() == kNodes / 10);
  CHECK(nodes.pool.bytes() < nodes.all.size() * kNodeSize * 2);
}
