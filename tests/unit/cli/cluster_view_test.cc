#include "cli/cluster_view.h"

#include <array>
#include <optional>
#include <string>

#include <doctest/doctest.h>

using kv::Errc;
using kv::cli::ClusterView;
using kv::cli::MemberReport;
using kv::cli::parse_member_report;

namespace {

const char* const kLeader =
    R"({"replication":{"replication_cluster":"c","replication_node":1,"replication_role":"leader",)"
    R"("replication_term":3,"replication_serving":true,"replication_last":12,)"
    R"("replication_commit":11,"replication_peer_2":{"address":"h:2","connected":true,)"
    R"("durable":10,"lag_records":2,"lag_bytes":1500,"lag_seconds":0.25},)"
    R"("replication_peer_3":{"address":"h:3","connected":false}}})";

MemberReport report(std::uint64_t node, std::uint64_t term, bool is_serving) {
  MemberReport out;
  out.cluster_id = "c";
  out.node_id = node;
  out.role = is_serving ? "leader" : "follower";
  out.term = term;
  out.is_serving = is_serving;
  for (const std::uint64_t peer : {1, 2, 3}) {
    if (peer != node)
      out.peers.push_back({.node_id = peer, .address = "h:" + std::to_string(peer)});
  }
  return out;
}

}  // namespace

TEST_CASE("what a member says of itself and the others is read") {
  const auto read = parse_member_report(kLeader);
  REQUIRE(read);
  CHECK(read->node_id == 1);
  CHECK(read->role == "leader");
  CHECK(read->is_serving);
  CHECK(read->last == 12);
  CHECK(read->commit == 11);
  REQUIRE(read->peers.size() == 2);
  CHECK(read->peers[0].node_id == 2);
  CHECK(read->peers[0].has_lag);
  CHECK(read->peers[0].is_connected);
  CHECK_FALSE(read->peers[1].is_connected);
  CHECK(read->peers[0].lag_bytes == 1500);
  CHECK_FALSE(read->peers[1].has_lag);
}

TEST_CASE("who has the leadership key in etcd is read") {
  const auto read = parse_member_report(
      R"({"replication":{"replication_cluster":"c","replication_node":1,"replication_holder":2,)"
      R"("replication_coordinator":"etcd","replication_etcd_reachable":true,)"
      R"("replication_may_campaign":false}})");
  REQUIRE(read);
  REQUIRE(read->placement);
  CHECK(read->placement->holder == 2);
  CHECK(read->placement->is_reachable);
  CHECK_FALSE(read->placement->may_campaign);
  CHECK_FALSE(parse_member_report(kLeader)->placement);
}

TEST_CASE("who has the leadership key in etcd is told by who heard it last") {
  const auto view_of = [](std::array<std::optional<MemberReport::Placement>, 3> placements) {
    ClusterView view({"h:1"});
    for (std::uint64_t node = 1; node <= 3; ++node) {
      MemberReport one = report(node, 1, node == 2);
      one.placement = placements.at(node - 1);
      REQUIRE(view.add("h:" + std::to_string(node), one));
    }
    return view;
  };
  const auto told = [](const ClusterView& view) {
    const std::string table = view.as_table();
    return table.find("etcd") == std::string::npos ? "" : table.substr(table.find("etcd"));
  };
  using Placement = MemberReport::Placement;
  const ClusterView none = view_of({});
  CHECK(told(none).empty());
  CHECK(none.as_json().find(R"("coordinator":"quorum")") != std::string::npos);
  CHECK(none.as_json().find("holder") == std::string::npos);

  const ClusterView all = view_of({Placement{3, true}, Placement{2, true}, Placement{3, true}});
  CHECK(told(all) == "etcd  node 2 has the leadership key\n");
  CHECK(all.as_json().find(R"("coordinator":"etcd")") != std::string::npos);
  CHECK(all.as_json().find(R"("holder":2)") != std::string::npos);
  CHECK(told(view_of({Placement{0, true}, Placement{2, false}, Placement{0, true}})) ==
        "etcd  nobody has the leadership key; no answer for node 2\n");
  CHECK(told(view_of({Placement{2, false}, Placement{2, false}, {}})) ==
        "etcd  does not answer any member; who has the leadership key is not known; node 3 runs "
        "without --coordinator etcd\n");
}

TEST_CASE("what is no member's page is refused") {
  CHECK(parse_member_report(R"({"replication":{"replication_role":"alone"}})").error().code ==
        Errc::kInvalidArgument);
  for (const char* page :
       {"", "[]", "{}", R"({"replication":7})", R"({"replication":{}})",
        R"({"replication":{"replication_node":"one"}})",
        R"({"replication":{"replication_node":1,"replication_peer_2":{"address":7}}})"}) {
    CAPTURE(page);
    const auto read = parse_member_report(page);
    REQUIRE_FALSE(read);
    CHECK(read.error().code == Errc::kProtocol);
  }
}

TEST_CASE("every address is asked once, and nobody twice whom another name reached") {
  ClusterView view({"localhost:1"});
  CHECK(view.next() == "localhost:1");
  REQUIRE(view.add("localhost:1", report(1, 1, false)));
  CHECK(view.next() == "h:2");
  REQUIRE(view.add("h:2", report(2, 1, true)));
  CHECK(view.next() == "h:3");
  CHECK_FALSE(view.next());
  CHECK(view.members().at(1).address == "h:1");
}

TEST_CASE("who is not among those that the leader counts is no member") {
  ClusterView view({"h:1"});
  REQUIRE(view.add("h:1", report(1, 5, true)));
  MemberReport gone = report(9, 5, false);
  gone.role = "follower";
  REQUIRE(view.add("h:9", gone));
  CHECK(view.is_outside(9));
  CHECK_FALSE(view.is_outside(1));
  CHECK(view.as_table().find("no member") != std::string::npos);
  gone.role = "waiting";
  REQUIRE(view.add("h:9", gone));
  CHECK(view.as_table().find("waiting") != std::string::npos);
  CHECK(view.as_table().find("no member") == std::string::npos);
}

TEST_CASE("a member whose address nobody tells is not asked for it") {
  ClusterView view({"h:1"});
  MemberReport waiting = report(4, 1, false);
  for (auto& peer : waiting.peers) peer.address.clear();
  CHECK(view.next() == "h:1");
  REQUIRE(view.add("h:1", waiting));
  CHECK_FALSE(view.next());
  REQUIRE(view.add("h:2", report(2, 1, false)));
  REQUIRE(view.add("h:1", waiting));
  CHECK(view.members().at(3).address == "h:3");
}

TEST_CASE("of two that take themselves for the leader the later term's is it") {
  ClusterView view({"h:1"});
  CHECK(view.leader() == nullptr);
  REQUIRE(view.add("h:1", report(1, 5, true)));
  REQUIRE(view.add("h:2", report(2, 4, true)));
  REQUIRE(view.leader() != nullptr);
  CHECK(view.leader()->report->node_id == 1);
  REQUIRE(view.add("h:3", report(3, 6, true)));
  CHECK(view.leader()->report->node_id == 3);
}

TEST_CASE("a member of another cluster is not taken in") {
  ClusterView view({"h:1"});
  REQUIRE(view.add("h:1", report(1, 1, false)));
  MemberReport other = report(2, 9, true);
  other.cluster_id = "d";
  CHECK(view.add("h:2", other).error().code == Errc::kInvalidArgument);
  CHECK(view.leader() == nullptr);
}

TEST_CASE("the table has a row for each member, and dashes for what nobody knows") {
  ClusterView view({"h:1"});
  CHECK(view.next() == "h:1");
  REQUIRE(view.add("h:1", *parse_member_report(kLeader)));
  REQUIRE(view.add("h:2", report(2, 3, false)));
  CHECK(view.as_table() ==
        "node  address  role         term  last  commit  behind   bytes    for\n"
        "   1  h:1      leader          3    12      11       0     0 B  0.0 s\n"
        "   2  h:2      follower        3     0       0       2  1.5 kB  0.2 s\n"
        "   3  h:3      unreachable     -     -       -       -       -      -\n");
  CHECK(view.as_json() ==
        R"({"cluster":"c","leader":1,"term":3,"coordinator":"quorum","members":[)"
        R"({"node":1,"address":"h:1","reachable":true,"role":"leader","term":3,"last":12,)"
        R"("commit":11,"lag_records":0,"lag_bytes":0,"lag_seconds":0.0},)"
        R"({"node":2,"address":"h:2","reachable":true,"role":"follower","term":3,"last":0,)"
        R"("commit":0,"lag_records":2,"lag_bytes":1500,"lag_seconds":0.25},)"
        R"({"node":3,"address":"h:3","reachable":false}]})"
        "\n");
}

TEST_CASE("who gets a state as files says how much of it") {
  const auto read =
      parse_member_report(R"({"replication":{"replication_node":1,"replication_cluster":"c",)"
                          R"("replication_role":"follower","replication_received_share":0.999}})");
  REQUIRE(read);
  ClusterView view({"h:1"});
  REQUIRE(view.add("h:1", *read));
  CHECK(view.as_table().find(" receiving 99 % ") != std::string::npos);
  CHECK(view.as_json().find(R"("role":"follower")") != std::string::npos);
  CHECK(view.as_json().find(R"("received_share":0.999)") != std::string::npos);
}

TEST_CASE("a leader that the others name and that does not answer is told") {
  const auto view_of = [](std::uint64_t named_by_2, std::uint64_t named_by_3) {
    ClusterView view({"h:2"});
    MemberReport second = report(2, 4, false);
    MemberReport third = report(3, 5, false);
    second.leader = named_by_2;
    third.leader = named_by_3;
    REQUIRE(view.add("h:2", second));
    REQUIRE(view.add("h:3", third));
    view.add_silent("h:1", "cannot connect to h:1: No route to host");
    return view;
  };
  const auto hidden = view_of(1, 1).hidden_leader();
  REQUIRE(hidden);
  CHECK(hidden->text() ==
        "node 1 leads at h:1, but it cannot be reached from here: cannot connect to h:1: No route "
        "to host");
  CHECK(view_of(1, 1).as_json().find(R"("hidden_leader":{"node":1,"address":"h:1",)") !=
        std::string::npos);
  CHECK(view_of(2, 1).hidden_leader());        // the newer term counts
  CHECK_FALSE(view_of(1, 2).hidden_leader());  // who is named can be reached
  CHECK_FALSE(view_of(0, 0).hidden_leader());
  ClusterView led = view_of(1, 1);
  REQUIRE(led.add("h:1", report(1, 5, true)));
  CHECK_FALSE(led.hidden_leader());
}
