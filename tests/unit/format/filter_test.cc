#include "format/filter.h"

#include <string>

#include <doctest/doctest.h>

using namespace kv::format;

namespace {

std::string filter_of(std::uint64_t keys) {
  FilterBuilder builder;
  for (std::uint64_t i = 0; i < keys; ++i) builder.add("key " + std::to_string(i));
  return builder.finish();
}

}  // namespace

TEST_CASE("an empty filter holds nothing") {
  CHECK(FilterBuilder().finish().empty());
  CHECK_FALSE(filter_may_contain("", "key"));
  CHECK_FALSE(filter_may_contain("", ""));
}

TEST_CASE("a filter holds every key that was added") {
  for (const std::uint64_t keys : {1u, 2u, 25u, 26u, 1000u, 100'000u}) {
    CAPTURE(keys);
    const std::string filter = filter_of(keys);
    std::uint64_t missing = 0;
    for (std::uint64_t i = 0; i < keys; ++i) {
      if (!filter_may_contain(filter, "key " + std::to_string(i))) ++missing;
    }
    CHECK(missing == 0);
  }
}

TEST_CASE("a filter takes about ten bits a key and lets fewer than 1.5 % of absent keys pass") {
  constexpr std::uint64_t kKeys = 100'000;
  const std::string filter = filter_of(kKeys);
  CHECK(filter.size() * 8 <= kKeys * 11);
  std::uint64_t passed = 0;
  for (std::uint64_t i = 0; i < kKeys; ++i) {
    if (filter_may_contain(filter, "absent " + std::to_string(i))) ++passed;
  }
  MESSAGE("absent keys that pass: ", passed, " of ", kKeys);
  CHECK(passed < kKeys * 15 / 1000);
  CHECK(passed > kKeys / 1000);  // a filter that good would be another one than the one described
}

TEST_CASE("a filter's size follows from its number of keys") {
  for (const std::uint64_t keys : {0u, 1u, 25u, 26u, 1000u}) {
    CAPTURE(keys);
    const std::uint64_t size = filter_of(keys).size();
    CHECK(is_filter_size(size, keys));
    CHECK_FALSE(is_filter_size(size + 1, keys));
    CHECK_FALSE(is_filter_size(size + 32, keys));
  }
  CHECK_FALSE(is_filter_size(32, ~std::uint64_t{0}));
}

TEST_CASE("what is no filter excludes no key") {
  CHECK(filter_may_contain(std::string(31, '\0'), "key"));
  CHECK(filter_may_contain(std::string(33, '\0'), "key"));
}
