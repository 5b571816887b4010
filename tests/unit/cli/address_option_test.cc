#include "cli/address_option.h"

#include <doctest/doctest.h>

using namespace kv::cli;

TEST_CASE("addresses are checked where they are named, and an example is given") {
  CHECK(problem_with_addresses("127.0.0.1:7400").empty());
  CHECK(problem_with_addresses("[::1]:7400").empty());
  CHECK(problem_with_addresses("127.0.0.1:7400,[::1]:7400").empty());
  CHECK(problem_with_addresses("foo") == "\"foo\" is not HOST:PORT, such as 127.0.0.1:7400");
  CHECK(problem_with_addresses("a:1,foo") == "\"foo\" is not HOST:PORT, such as 127.0.0.1:7400");
  CHECK_FALSE(problem_with_addresses("127.0.0.1:0").empty());
  CHECK(problem_with_listen_address("127.0.0.1:0").empty());
  CHECK(problem_with_listen_address("7400") == "\"7400\" is not HOST:PORT, such as 127.0.0.1:7400");
}

TEST_CASE("--resp is on, off or an address") {
  CHECK(problem_with_resp("on").empty());
  CHECK(problem_with_resp("off").empty());
  CHECK(problem_with_resp("127.0.0.1:0").empty());
  CHECK(problem_with_resp("of").starts_with("\"of\" is neither on nor off nor HOST:PORT"));
}
