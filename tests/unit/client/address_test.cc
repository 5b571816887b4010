#include "client/address.h"

#include <doctest/doctest.h>

using kv::Errc;
using kv::client::parse_address;
using kv::client::parse_addresses;

TEST_CASE("HOST:PORT is a name, an IPv4 address or an IPv6 address in brackets") {
  const auto check = [](const char* text, const char* host, const char* port) {
    CAPTURE(text);
    const auto address = parse_address(text);
    REQUIRE(address);
    CHECK(address->host == host);
    CHECK(address->port == port);
  };
  check("127.0.0.1:7400", "127.0.0.1", "7400");
  check("db.example:1", "db.example", "1");
  check("[::1]:65535", "::1", "65535");
}

TEST_CASE("what is no HOST:PORT is refused with the text in the message") {
  for (const char* text : {"", ":", "7400", "localhost", "localhost:", ":7400", "h:0", "h:65536",
                           "h:-1", "h:+1", "h:http", "h:1x", "::1:7400", "[]:7400"}) {
    CAPTURE(text);
    const auto address = parse_address(text);
    REQUIRE(!address);
    CHECK(address.error().code == Errc::kInvalidArgument);
    CHECK(address.error().context ==
          "\"" + std::string(text) + "\" is not HOST:PORT, such as 127.0.0.1:7400");
  }
}

TEST_CASE("the servers of a cluster stand one behind the other, with commas between") {
  const auto one = parse_addresses("a:1");
  REQUIRE(one);
  CHECK(*one == std::vector<std::string>{"a:1"});
  const auto several = parse_addresses("a:1,[::1]:2,c:3");
  REQUIRE(several);
  CHECK(*several == std::vector<std::string>{"a:1", "[::1]:2", "c:3"});
  for (const char* text : {"", ",", "a:1,", ",a:1", "a:1,,b:2", "a:1,b"}) {
    CAPTURE(text);
    const auto refused = parse_addresses(text);
    REQUIRE(!refused);
    CHECK(refused.error().code == Errc::kInvalidArgument);
  }
  CHECK(parse_addresses("a:1,b").error().context ==
        "\"b\" is not HOST:PORT, such as 127.0.0.1:7400");
}
