#include "cli/suggest.h"

#include <doctest/doctest.h>

using kv::cli::nearest;

TEST_CASE("a slip of the finger finds the name that was meant") {
  const std::vector<std::string> names = {"get", "put", "del", "range", "export", "import"};
  CHECK(nearest("gte", names) == "get");
  CHECK(nearest("gett", names) == "get");
  CHECK(nearest("rnage", names) == "range");
  CHECK(nearest("imprt", names) == "import");
  CHECK(nearest("put", names) == "put");
}

TEST_CASE("another word is like none of them") {
  const std::vector<std::string> names = {"get", "put", "del", "range"};
  CHECK(nearest("serve", names) == "");
  CHECK(nearest("", names) == "");
  CHECK(nearest("xyz", names) == "");
  CHECK(nearest("get", {}) == "");
}
