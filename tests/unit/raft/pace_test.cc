#include "raft/pace.h"

#include <doctest/doctest.h>

#include "raft/core.h"
#include "unit/raft/support/net.h"

using kv::raft::Instant;
using kv::raft::Net;
using kv::raft::node;
using kv::raft::Pace;
using kv::raft::Seq;
using kv::raft::Settings;

namespace {

constexpr std::uint64_t kHeartbeat = Net::kElection / 10;
constexpr std::uint64_t kRecord = 100 + kv::raft::kEntryOverhead;

// Records alone in their messages, a hundred of them a second to who is late.
Settings settings() {
  Settings settings;
  settings.append_records_max = 1;
  settings.catch_up_rate = 100 * kRecord;
  return settings;
}

// Node 1 leads, and node 3 lacks 300 records that are committed.
struct Late : Net {
  Late() : Net(3, 0, settings()) {
    elect(1);
    cut(3);
    for (int i = 0; i < 300; ++i) write(1);
    heal(3);
  }
  Seq end_of(std::uint64_t number) { return core(number).last().seq; }
  void pass_all(std::uint64_t time_us) {
    pass(time_us);
    settle();
  }
};

}  // namespace

TEST_CASE("so much goes at once, and then as time passes and as the log grows") {
  Pace pace;
  Instant now{.boot_us = 5'000'000, .raw_us = 5'000'000};
  CHECK(pace.may_send(now, 7'000'000, 1000));
  pace.spend(100);
  CHECK_FALSE(pace.may_send(now, 7'000'000, 1000));
  SUBCASE("a tenth of a second's worth in a tenth of a second") {
    pace.spend(100);
    now.boot_us += 99'000;
    now.raw_us += 99'000;
    CHECK_FALSE(pace.may_send(now, 7'000'000, 1000));
    now.boot_us += 2'000;
    now.raw_us += 2'000;
    CHECK(pace.may_send(now, 7'000'000, 1000));
  }
  SUBCASE("what the log grew by") { CHECK(pace.may_send(now, 7'000'001, 1000)); }
  SUBCASE("after a long time no more than at first") {
    now.boot_us += 60'000'000;
    now.raw_us += 60'000'000;
    CHECK(pace.may_send(now, 9'000'000, 1000));
    pace.spend(100);
    CHECK_FALSE(pace.may_send(now, 9'000'000, 1000));
  }
}

TEST_CASE("who lacks what is committed without him gets it at the rate that is set") {
  Late net;
  net.pass_all(kHeartbeat);
  const Seq first = net.end_of(3);
  CHECK(first < 30);
  net.pass_all(kHeartbeat);
  CHECK(net.end_of(3) >= first + 10);
  CHECK(net.end_of(3) <= first + 11);
  for (int i = 0; i < 30; ++i) net.pass_all(kHeartbeat);
  CHECK(net.end_of(3) == net.end_of(1));
  CHECK(net.core(3).commit() == net.core(1).commit());
}

TEST_CASE("who is late becomes level however fast the log grows") {
  Late net;
  // Five times of what the rate alone would bring.
  for (int i = 0; i < 40; ++i) {
    net.pass_all(kHeartbeat);
    for (int j = 0; j < 50; ++j) net.write(1);
  }
  CHECK(net.end_of(3) == net.end_of(1));
}

TEST_CASE("who is needed for a majority gets all at once") {
  Late net;
  net.pass_all(kHeartbeat);
  REQUIRE(net.end_of(3) < net.end_of(1));
  net.cut(2);
  // The leader counts on node 2 until it was silent for an election timeout.
  for (int i = 0; i < 9; ++i) net.pass_all(kHeartbeat);
  REQUIRE(net.end_of(3) < 150);
  for (int i = 0; i < 2; ++i) net.pass_all(kHeartbeat);
  CHECK(net.end_of(3) == net.end_of(1));
  const auto point = net.write(1);
  CHECK(net.core(1).commit() == point.seq);
}

TEST_CASE("who is needed as another one's disk takes nothing gets all at once") {
  Late net;
  net.pass_all(kHeartbeat);
  REQUIRE(net.end_of(3) < 30);
  net.member(2).is_disk_held = true;
  const auto point = net.append_unsent(1);
  for (int i = 0; i < 7; ++i) net.pass_all(kHeartbeat);
  CHECK(net.core(1).commit() == point.seq);
}

TEST_CASE("disks that are slow make nobody needed") {
  Late net;
  net.pass_all(kHeartbeat);
  for (int i = 0; i < 6; ++i) {
    net.member(2).is_disk_held = true;
    const auto point = net.append_unsent(1);
    for (int j = 0; j < 3; ++j) net.pass_all(kHeartbeat);
    REQUIRE(net.core(1).commit() < point.seq);
    net.member(2).is_disk_held = false;
    net.sync_log(2);
    net.pass_all(kHeartbeat);
    REQUIRE(net.core(1).commit() == point.seq);
  }
  // Ten and a bit with each heartbeat, and as many as were written.
  CHECK(net.end_of(3) < 30 + 6 * 4 * 12);
}

TEST_CASE("what lay uncommitted before an election makes nobody needed at once") {
  Late net;
  net.cut(3);
  const auto point = net.append_unsent(1);
  net.take(1);
  for (const auto& message : net.grab_all<kv::raft::Append>()) net.deliver(message);
  REQUIRE(net.core(2).last().seq == point.seq);
  REQUIRE(net.core(2).commit() < point.seq);
  net.heal(3);
  for (const std::uint64_t voter : {1, 3}) net.pass(voter, Net::kElection);
  net.drop_mail();
  net.pass(2, 2 * Net::kElection);
  while (net.core(2).role() != kv::raft::Role::kLeader && !net.mail.empty()) {
    const auto message = net.mail.front();
    net.mail.erase(net.mail.begin());
    net.deliver(message);
  }
  REQUIRE(net.core(2).role() == kv::raft::Role::kLeader);
  // So that nothing of the new term is committed before node 3 is asked what it has.
  net.member(1).is_disk_held = true;
  net.settle();
  CHECK(net.core(2).commit() < point.seq);
  CHECK(net.end_of(3) < 30);
}

TEST_CASE("who is to lead gets all at once") {
  Late net;
  net.pass_all(kHeartbeat);
  REQUIRE(net.end_of(3) < 30);
  REQUIRE(net.core(1).transfer(node(3)).has_value());
  net.take(1);
  net.settle();
  CHECK(net.core(3).role() == kv::raft::Role::kLeader);
}
