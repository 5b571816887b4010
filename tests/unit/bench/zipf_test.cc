#include "bench/zipf.h"

#include <cmath>
#include <vector>

#include <doctest/doctest.h>

using kv::bench::Random;
using kv::bench::zeta;
using kv::bench::Zipf;

TEST_CASE("the sum for many terms is the one that adding them gives") {
  double sum = 0;
  for (int i = 1; i <= 3'000'000; ++i) sum += std::pow(i, -0.99);
  CHECK(zeta(3'000'000, 0.99) == doctest::Approx(sum).epsilon(1e-10));
  CHECK(zeta(1, 0.99) == 1);
  // The constant of YCSB for its ten billion items.
  CHECK(zeta(10'000'000'000, 0.99) == doctest::Approx(26.46902820178302).epsilon(1e-6));
}

TEST_CASE("low ranks come as often as the law says") {
  constexpr std::uint32_t kCount = 1000;
  constexpr int kDrawn = 400'000;
  const Zipf zipf(kCount);
  Random random(5);
  std::vector<int> seen(kCount);
  for (int i = 0; i < kDrawn; ++i) {
    const std::uint32_t rank = zipf.choose(random);
    REQUIRE(rank < kCount);
    seen[rank] += 1;
  }
  for (const std::uint32_t rank : {0u, 1u, 9u, 99u}) {
    CAPTURE(rank);
    const double expected = kDrawn / (std::pow(rank + 1, 0.99) * zeta(kCount, 0.99));
    // The method is exact for the first two ranks and close for the others.
    CHECK(seen[rank] == doctest::Approx(expected).epsilon(0.2));
  }
  CHECK(seen[kCount - 1] > 0);
}

TEST_CASE("few ranks are enough") {
  Random random(6);
  for (const std::uint32_t count : {1u, 2u, 3u}) {
    const Zipf zipf(count);
    std::uint32_t highest = 0;
    for (int i = 0; i < 1000; ++i) highest = std::max(highest, zipf.choose(random));
    CHECK(highest == count - 1);
  }
}
