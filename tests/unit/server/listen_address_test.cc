#include "server/listen_address.h"

#include <doctest/doctest.h>

using kv::server::parse_listen_address;

TEST_CASE("an address to listen on is a host and a port, which may be 0") {
  const auto plain = parse_listen_address("127.0.0.1:0");
  REQUIRE(plain);
  CHECK(plain->host == "127.0.0.1");
  CHECK(plain->port == "0");
  const auto six = parse_listen_address("[::1]:7400");
  REQUIRE(six);
  CHECK(six->host == "::1");
  CHECK(six->port == "7400");
}

TEST_CASE("what is no address to listen on is refused with an example") {
  for (const char* text :
       {"", "7400", ":7400", "127.0.0.1", "127.0.0.1:", "a:x", "a:65536", "::1:7400"}) {
    CAPTURE(text);
    const auto address = parse_listen_address(text);
    REQUIRE_FALSE(address);
    CHECK(address.error().code == kv::Errc::kInvalidArgument);
    CHECK(address.error().context ==
          "\"" + std::string(text) + "\" is not HOST:PORT, such as 127.0.0.1:7400");
  }
}
