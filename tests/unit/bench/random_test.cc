#include "bench/random.h"

#include <array>
#include <cstdlib>

#include <doctest/doctest.h>

using kv::bench::Random;

TEST_CASE("numbers are the same for the same seed, within their bounds, and spread evenly") {
  Random random(4), again(4);
  std::array<int, 10> seen{};
  for (int i = 0; i < 10'000; ++i) {
    const std::uint32_t number = random.below(10);
    REQUIRE(number < 10);
    REQUIRE(number == again.below(10));
    seen[number] += 1;
    const double unit = random.unit();
    REQUIRE(unit == again.unit());
    REQUIRE(unit >= 0);
    REQUIRE(unit < 1);
  }
  for (const int count : seen) CHECK(std::abs(count - 1000) < 150);
}
