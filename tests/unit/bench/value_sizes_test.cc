#include "bench/value_sizes.h"

#include <cstdlib>
#include <map>

#include <doctest/doctest.h>

using kv::bench::Random;
using kv::bench::ValueSizes;

namespace {

std::map<std::uint32_t, int> drawn(const char* text) {
  const auto sizes = ValueSizes::parse(text);
  REQUIRE(sizes);
  Random random(9);
  std::map<std::uint32_t, int> seen;
  for (int i = 0; i < 10'000; ++i) seen[sizes->choose(random)] += 1;
  CHECK(seen.begin()->first >= sizes->min());
  CHECK(seen.rbegin()->first <= sizes->max());
  return seen;
}

}  // namespace

TEST_CASE("a number is the size of all values") {
  CHECK(drawn("100") == std::map<std::uint32_t, int>{{100, 10'000}});
  CHECK(drawn("0") == std::map<std::uint32_t, int>{{0, 10'000}});
}

TEST_CASE("a range has each of its sizes as often, both ends among them") {
  const auto seen = drawn("64-67");
  REQUIRE(seen.size() == 4);
  for (const auto& [size, count] : seen) CHECK(std::abs(count - 2500) < 250);
}

TEST_CASE("zipf has small sizes often and large ones seldom") {
  const auto seen = drawn("zipf:1024");
  CHECK(seen.at(1) > 1000);
  CHECK(seen.at(1) > seen.at(2));
  CHECK(seen.rbegin()->first > 900);
}

TEST_CASE("a list has its sizes by their shares") {
  const auto seen = drawn("100:90,4096:10");
  REQUIRE(seen.size() == 2);
  CHECK(std::abs(seen.at(100) - 9000) < 200);
  const auto sizes = ValueSizes::parse("7:1,3:1,5:1");
  REQUIRE(sizes);
  CHECK(sizes->min() == 3);
  CHECK(sizes->max() == 7);
}

TEST_CASE("what names no sizes is refused") {
  for (const char* text :
       {"", "x", "-1", "1-", "9-8", "1.5", "67108865", "zipf", "zipf:0", "zipf:x", "100:", ":1",
        "100:0", "100:1,", "100:1,x:2", "100:1000001", "100:1;2"}) {
    CAPTURE(text);
    const auto sizes = ValueSizes::parse(text);
    REQUIRE(!sizes);
    CHECK(sizes.error().code == kv::Errc::kInvalidArgument);
  }
}
