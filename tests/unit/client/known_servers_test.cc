#include "client/known_servers.h"

#include <doctest/doctest.h>

using kv::client::KnownServers;

TEST_CASE("the servers are gone through in a circle") {
  KnownServers servers({"a:1", "b:1", "c:1"});
  CHECK(servers.are_several());
  std::string order;
  for (int i = 0; i < 4; ++i) {
    order += servers.current() + " ";
    servers.go_on();
  }
  CHECK(order == "a:1 b:1 c:1 a:1 ");
}

TEST_CASE("one server that was given is all there is until it names another") {
  KnownServers servers({"a:1"});
  CHECK(!servers.are_several());
  servers.go_on();
  CHECK(servers.current() == "a:1");
  servers.go_to("b:1");
  CHECK(servers.current() == "b:1");
  CHECK(servers.are_several());
  servers.go_on();
  CHECK(servers.current() == "a:1");
}

TEST_CASE("who is known already is not listed twice") {
  KnownServers servers({"a:1", "b:1"});
  servers.go_to("b:1");
  servers.go_to("a:1");
  CHECK(servers.addresses() == std::vector<std::string>{"a:1", "b:1"});
  CHECK(servers.current() == "a:1");
}

TEST_CASE("of the leaders told of the newest eight are kept, and all that were given") {
  KnownServers servers({"a:1", "b:1"});
  for (int i = 1; i <= 10; ++i) servers.go_to("told:" + std::to_string(i));
  CHECK(servers.current() == "told:10");
  CHECK(servers.addresses() == std::vector<std::string>{"a:1", "b:1", "told:3", "told:4", "told:5",
                                                        "told:6", "told:7", "told:8", "told:9",
                                                        "told:10"});
}

TEST_CASE("the highest epoch is remembered") {
  KnownServers servers({"a:1"});
  servers.see_epoch(7);
  servers.see_epoch(6);
  CHECK(servers.epoch() == 7);
}
