#include "bench/key_chooser.h"

#include <algorithm>
#include <cstdlib>
#include <vector>

#include <doctest/doctest.h>

using namespace kv::bench;

namespace {

std::vector<int> drawn(const KeyChooser& chooser, std::uint32_t count, int draws) {
  Random random(3);
  std::vector<int> seen(count);
  for (int i = 0; i < draws; ++i) {
    const std::uint32_t key = chooser.choose(random, count);
    REQUIRE(key < count);
    seen[key] += 1;
  }
  return seen;
}

}  // namespace

TEST_CASE("uniform asks for every key, inserted ones too, about as often") {
  const auto seen = drawn(KeyChooser(Distribution::kUniform, 50), 100, 100'000);
  CHECK(*std::min_element(seen.begin(), seen.end()) > 800);
  CHECK(*std::max_element(seen.begin(), seen.end()) < 1200);
}

TEST_CASE("zipfian asks for few keys most of the time, and those lie apart") {
  const auto seen = drawn(KeyChooser(Distribution::kZipfian, 1000), 1000, 200'000);
  const auto hottest = std::max_element(seen.begin(), seen.end());
  CHECK(*hottest > 20'000);
  // Each rank has its own key, so that none is left out.
  CHECK(*std::min_element(seen.begin(), seen.end()) > 0);
  std::vector<int> sorted = seen;
  std::sort(sorted.rbegin(), sorted.rend());
  const auto second = std::find(seen.begin(), seen.end(), sorted[1]);
  CHECK(std::abs(second - hottest) > 10);
}

TEST_CASE("latest asks most for what was inserted last") {
  const auto seen = drawn(KeyChooser(Distribution::kLatest, 1000), 1500, 200'000);
  CHECK(std::max_element(seen.begin(), seen.end()) == seen.end() - 1);
  CHECK(seen[1499] > seen[1489]);
  CHECK(seen[1489] > seen[1000]);
}

TEST_CASE("one key is enough") {
  for (const auto distribution :
       {Distribution::kUniform, Distribution::kZipfian, Distribution::kLatest}) {
    CHECK(drawn(KeyChooser(distribution, 1), 1, 10)[0] == 10);
  }
}
