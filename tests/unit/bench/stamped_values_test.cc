#include "bench/stamped_values.h"

#include <doctest/doctest.h>

using kv::bench::StampedValues;

namespace {

std::string made(std::uint32_t key, std::uint32_t size, std::uint32_t stamp) {
  std::string out = "before";
  StampedValues().append(out, key, size, stamp);
  REQUIRE(out.starts_with("before"));
  return out.substr(6);
}

}  // namespace

TEST_CASE("a value has its size and is right for its own key alone") {
  const StampedValues values;
  for (const std::uint32_t size : {0u, 1u, 4u, 8u, 11u, 12u, 13u, 100u, 4096u, 300'000u}) {
    CAPTURE(size);
    const std::string value = made(7, size, 123'456'789);
    CHECK(value.size() == size);
    CHECK(values.is_right(7, value));
    if (size > 0) CHECK(!values.is_right(8, value));
  }
}

TEST_CASE("any byte that changes is noticed, as far as something is known of it") {
  const StampedValues values;
  const std::string value = made(7, 200, 55);
  for (std::size_t at = 0; at < value.size(); ++at) {
    CAPTURE(at);
    std::string changed = value;
    changed[at] = static_cast<char>(changed[at] ^ 0x10);
    CHECK(!values.is_right(7, changed));
  }
  CHECK(!values.is_right(7, value.substr(0, 199)));
  CHECK(!values.is_right(7, value + "x"));
}

TEST_CASE("stamps make values differ, and another process makes the same ones") {
  CHECK(made(7, 100, 1) != made(7, 100, 2));
  CHECK(made(7, 100, 1) == made(7, 100, 1));
}

TEST_CASE("the noise is no short text over and over") {
  const std::string value = made(7, 1000, 1);
  CHECK(value.find(value.substr(100, 8), 101) == std::string::npos);
}
