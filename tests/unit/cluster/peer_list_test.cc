#include "cluster/peer_list.h"

#include <string>

#include <doctest/doctest.h>

using kv::Errc;
using kv::cluster::cluster_id_of;
using kv::cluster::parse_peer_list;

TEST_CASE("a list of peers names each member's number, and where clients and members find it") {
  const auto list = parse_peer_list("2=b.example:7400/9000,1=10.0.0.1:7400,3=[::1]:7400");
  REQUIRE(list.has_value());
  REQUIRE(list->members.size() == 3);
  CHECK(list->members[0].node_id == 1);
  CHECK(list->members[0].client_address == "10.0.0.1:7400");
  CHECK(list->members[0].peer_address == "10.0.0.1:17400");
  CHECK(list->members[1].peer_address == "b.example:9000");
  CHECK(list->members[2].client_address == "[::1]:7400");
  CHECK(list->members[2].peer_address == "[::1]:17400");
  CHECK(list->members[2].node_uuid.is_nil());
}

TEST_CASE("what is no list of peers is refused with the word that is wrong") {
  for (const std::string text :
       {"a:1", "0=a:1", "x=a:1", "=a:1", "1=", "1=a", "1=a:0", "1=a:1,1=b:1", "1=a:60000", "1=a:1/",
        "1=a:1/0", "1=a:1/70000", "1=a:1/x", "1=::1:7400", ",1=a:1", "1 =a:1"}) {
    CAPTURE(text);
    const auto list = parse_peer_list(text);
    REQUIRE_FALSE(list.has_value());
    CHECK(list.error().code == Errc::kInvalidArgument);
  }
  CHECK(parse_peer_list("1=a:7400,2=b:x").error().context.find("\"2=b:x\"") != std::string::npos);
  CHECK_FALSE(parse_peer_list("").has_value());
}

TEST_CASE("two members with one number or one address are refused, and named") {
  const auto said = [](const char* text) {
    const auto list = parse_peer_list(text);
    REQUIRE_FALSE(list.has_value());
    CHECK(list.error().code == Errc::kInvalidArgument);
    return list.error().context;
  };
  CHECK(said("1=a:7400,2=b:7400,1=c:7400").starts_with("\"1\" is the number of two members"));
  CHECK(said("1=a:7400,2=b:7400,3=a:7400") ==
        "nodes 1 and 3 both have the address a:7400; each needs its own");
  CHECK(said("1=a:7400/9000,2=a:7401/9000") ==
        "nodes 1 and 2 both have the address a:9000, where node 2 is to hear the other members; "
        "each needs its own");
  CHECK(said("1=a:7400/7401,2=a:7401/9000") ==
        "nodes 1 and 2 both have the address a:7401; each needs its own");
  CHECK(said("1=a:7400/7400") ==
        "node 1 has a:7400 for clients and for the other members; each needs its own");
  CHECK(parse_peer_list("1=a:7400,2=b:7400").has_value());
}

TEST_CASE("a cluster is told from others by its peers and by its name") {
  const auto list = *parse_peer_list("1=a:7400,2=b:7400");
  const auto id = cluster_id_of(list, "kv");
  CHECK_FALSE(id.is_nil());
  CHECK(cluster_id_of(*parse_peer_list("2=b:7400,1=a:7400"), "kv") == id);
  CHECK(cluster_id_of(list, "other") != id);
  CHECK(cluster_id_of(*parse_peer_list("1=a:7400,2=b:7401"), "kv") != id);
}
