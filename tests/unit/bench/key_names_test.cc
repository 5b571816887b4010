#include "bench/key_names.h"

#include <doctest/doctest.h>

using kv::bench::KeyNames;

TEST_CASE("a key has its size, whatever that is, and its number at the end") {
  CHECK(KeyNames(16).name(42) == "bench:0000000042");
  CHECK(KeyNames(10).name(42) == "0000000042");
  CHECK(KeyNames(12).name(42) == "be0000000042");
  CHECK(KeyNames(20).name(42) == "bench:00000000000042");
  CHECK(KeyNames(16).name(UINT32_MAX) == "bench:4294967295");
}

TEST_CASE("the order of keys is that of their numbers") {
  const KeyNames names(16);
  CHECK(names.name(9) < names.name(10));
  CHECK(names.name(999'999'999) < names.name(1'000'000'000));
}

TEST_CASE("the number is read back, and only from a key of this form") {
  const KeyNames names(16);
  CHECK(names.number("bench:0000000042") == 42);
  CHECK(names.number(names.name(UINT32_MAX)) == UINT32_MAX);
  for (const char* key : {"", "bench:000000042", "bench:00000000042", "other:0000000042",
                          "bench:000000004x", "bench:9999999999", "bench:-000000042"}) {
    CAPTURE(key);
    CHECK(!names.number(key));
  }
}
