#include <ostream>

#include <doctest/doctest.h>

#include "raft/core.h"
#include "unit/raft/support/net.h"

using kv::raft::Append;
using kv::raft::AppendReply;
using kv::raft::Message;
using kv::raft::Net;
using kv::raft::node;
using kv::raft::ReadReply;
using kv::raft::ReadRequest;
using kv::raft::Refusal;
using kv::raft::Settings;

TEST_CASE("a read is proven by a majority that answers a round begun after it came") {
  Net net(3);
  net.elect(1);
  net.write(1);
  net.pass(1, Net::kElection / 10);
  const auto before = net.grab_all<Append>();
  REQUIRE(net.core(1).read_index(77).has_value());
  net.take(1);
  const auto after = net.grab_all<Append>();
  for (const Message& message : before) net.deliver(message);
  net.settle();
  CHECK(net.member(1).reads.empty());
  net.deliver(after[0]);
  net.settle();
  REQUIRE(net.member(1).reads.size() == 1);
  CHECK(net.member(1).reads[0].id == 77);
  CHECK(net.member(1).reads[0].seq == 2);
}

TEST_CASE("one round proves all reads that wait") {
  Net net(3);
  net.elect(1);
  for (std::uint64_t id = 1; id <= 50; ++id) CHECK(net.core(1).read_index(id).has_value());
  net.take(1);
  CHECK(net.mail.size() == 2);
  net.settle();
  CHECK(net.member(1).reads.size() == 50);
}

TEST_CASE("an id used again is not proven by the echo of its first use") {
  Net net(3);
  net.elect(1);
  CHECK(net.core(1).read_index(7).has_value());
  net.take(1);
  for (const Message& message : net.grab_all<Append>()) net.deliver(message);
  const auto echoes = net.grab_all<AppendReply>();
  for (const Message& echo : echoes) net.deliver(echo);
  net.take(1);
  REQUIRE(net.member(1).reads.size() == 1);
  net.cut(1);
  CHECK(net.core(1).read_index(7).has_value());
  net.take(1);
  net.heal(1);
  for (const Message& echo : echoes) net.deliver(echo);
  CHECK(net.member(1).reads.size() == 1);
}

TEST_CASE(
    "a leader cut off from the others proves nothing and refuses what waited when it steps down") {
  Net net(3);
  net.elect(1);
  net.cut(1);
  CHECK(net.core(1).read_index(1).has_value());
  net.settle();
  CHECK(net.member(1).reads.empty());
  net.pass(1, 2 * Net::kElection);
  REQUIRE(net.member(1).reads.size() == 1);
  CHECK_FALSE(net.member(1).reads[0].seq.has_value());
}

TEST_CASE("what is read is what was committed when the read came, not later") {
  Net net(3);
  net.elect(1);
  net.write(1);
  CHECK(net.core(1).read_index(1).has_value());
  net.write(1);
  REQUIRE(net.member(1).reads.size() == 1);
  CHECK(net.member(1).reads[0].seq == 2);
}

TEST_CASE("a follower asks the leader, which proves it") {
  Net net(3);
  net.elect(1);
  net.write(1);
  CHECK(net.core(2).read_index(9).has_value());
  net.settle();
  REQUIRE(net.member(2).reads.size() == 1);
  CHECK(net.member(2).reads[0].id == 9);
  CHECK(net.member(2).reads[0].seq == 2);
}

TEST_CASE("reads that a follower sends on while its term is not on the disk are all answered") {
  Net net(3);
  net.elect(1);
  net.pass(1, 2 * Net::kElection);
  net.member(2).is_disk_held = true;
  net.elect(3);
  REQUIRE(net.core(2).leader() == node(3));
  for (const std::uint64_t id : {1u, 2u, 3u}) CHECK(net.core(2).read_index(id).has_value());
  net.take(2);
  CHECK(net.grab_all<ReadRequest>().empty());
  while (!net.member(2).unsynced.empty()) net.sync_state(2);
  net.settle();
  REQUIRE(net.member(2).reads.size() == 3);
  for (const auto& read : net.member(2).reads) CHECK(read.seq.has_value());
}

TEST_CASE("a follower's read is refused") {
  Net net(3);
  SUBCASE("when it knows no leader") {
    CHECK(net.core(2).read_index(9).error() == Refusal::kNotLeader);
  }
  SUBCASE("when the answer does not come") {
    net.elect(1);
    CHECK(net.core(2).read_index(9).has_value());
    net.take(2);
    net.drop_mail();
    net.pass(2, Net::kElection);
    REQUIRE(net.member(2).reads.size() == 1);
    CHECK_FALSE(net.member(2).reads[0].seq.has_value());
  }
  SUBCASE("when the leader is too new to know") {
    net.member(1).is_apply_held = true;
    net.elect(1);
    CHECK(net.core(2).read_index(9).has_value());
    net.settle();
    REQUIRE(net.member(2).reads.size() == 1);
    CHECK_FALSE(net.member(2).reads[0].seq.has_value());
  }
}

TEST_CASE("an answer to a question of an earlier life answers nothing") {
  Net net(3);
  net.elect(1);
  CHECK(net.core(2).read_index(9).has_value());
  net.take(2);
  const auto asked = net.grab_all<ReadRequest>();
  REQUIRE(asked.size() == 1);
  net.crash(2);
  net.start(2);
  net.pass(1, Net::kElection / 10);
  net.settle();
  CHECK(net.core(2).read_index(9).has_value());
  net.take(2);
  net.drop_mail();
  const auto nonce = std::get<ReadRequest>(asked[0].body).nonce;
  net.deliver(
      {.from = node(1), .to = node(2), .term = 1, .body = ReadReply{.nonce = nonce, .seq = 1}});
  CHECK(net.member(2).reads.empty());
}

TEST_CASE("the only voter proves its reads by itself") {
  Net net(1);
  CHECK(net.core(1).read_index(3).has_value());
  net.take(1);
  REQUIRE(net.member(1).reads.size() == 1);
  CHECK(net.member(1).reads[0].seq == net.core(1).commit());
}

TEST_CASE("reads that wait are bounded") {
  Settings settings;
  settings.reads_max = 2;
  Net net(3, 0, settings);
  net.elect(1);
  CHECK(net.core(1).read_index(1).has_value());
  CHECK(net.core(1).read_index(2).has_value());
  CHECK(net.core(1).read_index(3).error() == Refusal::kBusy);
}

TEST_CASE("reads that a leader was asked for by others are bounded on both sides") {
  Settings settings;
  settings.reads_max = 2;
  Net net(3, 0, settings);
  net.elect(1);
  CHECK(net.core(2).read_index(1).has_value());
  CHECK(net.core(2).read_index(2).has_value());
  CHECK(net.core(2).read_index(3).error() == Refusal::kBusy);
  CHECK(net.core(3).read_index(4).has_value());
  net.take(2);
  net.take(3);
  for (const Message& question : net.grab_all<ReadRequest>()) net.deliver(question);
  // The third is refused at once, with no round.
  const auto refused = net.grab_all<ReadReply>();
  REQUIRE(refused.size() == 1);
  CHECK(refused[0].to == node(3));
  CHECK_FALSE(std::get<ReadReply>(refused[0].body).seq.has_value());
}
