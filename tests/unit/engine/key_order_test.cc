#include "engine/key_order.h"

#include <algorithm>
#include <numeric>
#include <random>
#include <string>
#include <vector>

#include <doctest/doctest.h>

using kv::engine::KeyOrder;

namespace {

// The numbers as KeyOrder puts them, equal keys by their numbers.
std::vector<std::size_t> order_of(KeyOrder& order, const std::vector<std::string>& keys) {
  for (const std::string& key : keys) order.add(key);
  order.sort([&](std::size_t i) { return std::string_view(keys[i]); },
             [](std::size_t a, std::size_t b) { return a < b; });
  std::vector<std::size_t> numbers;
  for (std::size_t i = 0; i < order.size(); ++i) numbers.push_back(order[i]);
  return numbers;
}

std::vector<std::size_t> stably_sorted(const std::vector<std::string>& keys) {
  std::vector<std::size_t> numbers(keys.size());
  std::iota(numbers.begin(), numbers.end(), std::size_t{0});
  std::stable_sort(numbers.begin(), numbers.end(),
                   [&](std::size_t a, std::size_t b) { return keys[a] < keys[b]; });
  return numbers;
}

}  // namespace

TEST_CASE("keys are ordered as their bytes are, equal ones as they came") {
  std::mt19937_64 random(11);
  const auto below = [&](std::size_t end) { return static_cast<std::size_t>(random() % end); };
  for (int round = 0; round < 300; ++round) {
    CAPTURE(round);
    const std::string shared(below(12), 'p');
    std::vector<std::string> keys;
    for (std::size_t i = below(60); i > 0; --i) {
      std::string key = shared;
      // Few different bytes, also 0 and 255, so that keys are equal or begin alike.
      for (std::size_t length = below(14); length > 0; --length) key += "\0a\xff"[below(3)];
      keys.push_back(std::move(key));
    }
    KeyOrder order;
    CHECK(order_of(order, keys) == stably_sorted(keys));
  }
}

TEST_CASE("a cleared order knows nothing of the keys before") {
  KeyOrder order;
  CHECK(order_of(order, {"shared2", "shared1"}) == std::vector<std::size_t>{1, 0});
  order.clear();
  CHECK(order_of(order, {"b", "a", "c"}) == std::vector<std::size_t>{1, 0, 2});
  order.clear();
  CHECK(order_of(order, {}).empty());
}
