#include "etcd/endpoint.h"

#include <ostream>

#include <doctest/doctest.h>

using kv::etcd::parse_endpoints;

TEST_CASE("endpoints are a list of addresses, with the scheme that somebody may like") {
  const auto found = parse_endpoints("a:2379,http://b:2380,[::1]:9");
  REQUIRE(found.has_value());
  REQUIRE(found->size() == 3);
  CHECK((*found)[0].host == "a");
  CHECK((*found)[0].port == "2379");
  CHECK((*found)[1].host == "b");
  CHECK((*found)[1].port == "2380");
  CHECK((*found)[2].host == "::1");
}

TEST_CASE("what is no list of addresses is refused") {
  for (const char* const text : {"", "a", "a:", ":1", "a:1,", ",a:1", "a:0", "a:65536",
                                 "https://a:1", "http://", "a:1/v3"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_endpoints(text).has_value());
  }
}
