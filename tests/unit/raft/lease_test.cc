#include <ostream>

#include <doctest/doctest.h>

#include "raft/core.h"
#include "unit/raft/support/net.h"

using kv::raft::Append;
using kv::raft::AppendReply;
using kv::raft::Instant;
using kv::raft::Message;
using kv::raft::Net;
using kv::raft::Role;
using kv::raft::Settings;

namespace {

struct Leased {
  static Settings settings() {
    Settings settings;
    settings.has_lease_reads = true;
    return settings;
  }
  Leased() { net.elect(1); }
  bool has_lease(std::uint64_t number = 1) {
    return net.core(number).holds_lease(net.member(number).now);
  }
  Instant later(std::uint64_t boot_us, std::uint64_t raw_us) {
    Instant now = net.member(1).now;
    now.boot_us += boot_us;
    now.raw_us += raw_us;
    return now;
  }
  Net net{3, 0, settings()};
};

constexpr std::uint64_t kLease = Net::kElection / 10 * 9;

}  // namespace

TEST_CASE_FIXTURE(Leased, "a lease lasts nine tenths of an election timeout by either clock") {
  CHECK(has_lease());
  CHECK(net.core(1).holds_lease(later(kLease - 1, kLease - 1)));
  CHECK_FALSE(net.core(1).holds_lease(later(kLease, 0)));
  CHECK_FALSE(net.core(1).holds_lease(later(0, kLease)));
}

TEST_CASE_FIXTURE(Leased, "it begins when the round was begun, not when the echo came") {
  net.pass(1, Net::kElection / 5);
  for (const Message& message : net.grab_all<Append>()) net.deliver(message);
  const auto echoes = net.grab_all<AppendReply>();
  net.pass(1, Net::kElection / 2);
  net.drop_mail();
  for (const Message& echo : echoes) net.deliver(echo);
  CHECK(has_lease());
  CHECK_FALSE(net.core(1).holds_lease(later(kLease - Net::kElection / 2, 0)));
}

TEST_CASE_FIXTURE(Leased, "reads on it see what is committed, and nobody else has one") {
  net.write(1);
  CHECK(net.core(1).lease_read(net.member(1).now) == 2);
  CHECK_FALSE(has_lease(2));
  CHECK_FALSE(net.core(2).lease_read(net.member(2).now).has_value());
}

TEST_CASE_FIXTURE(Leased, "a leader that gets no echo in time leads on while a majority speaks") {
  const auto pass_while = [&](std::uint64_t speaker, const Message& word) {
    for (int i = 0; i < 30; ++i) {
      net.pass(1, Net::kElection / 10);
      net.take(1);
      net.drop_mail();  // heartbeats stand in line
      Message message = word;
      message.from = kv::raft::node(speaker);
      net.deliver(message);
    }
    return net.core(1).role();
  };
  const Message word{.to = kv::raft::node(1), .term = 1, .body = AppendReply{}};
  SUBCASE("and holds no lease, nor proves a read") {
    CHECK(net.core(1).read_index(77).has_value());
    CHECK(pass_while(2, word) == Role::kLeader);
    CHECK_FALSE(has_lease());
    net.take(1);
    CHECK(net.member(1).reads.empty());
    net.pass(1, Net::kElection - 1);
    CHECK(net.core(1).role() == Role::kLeader);
    net.pass(1, 1);
    CHECK(net.core(1).role() == Role::kFollower);
  }
  SUBCASE("also of the echo of a round of long ago") {
    Message late = word;
    late.body = AppendReply{.round = 1};
    CHECK(pass_while(3, late) == Role::kLeader);
    CHECK_FALSE(has_lease());
  }
  SUBCASE("not when it speaks of an earlier term") {
    Message late = word;
    late.term = 0;
    CHECK(pass_while(2, late) != Role::kLeader);
  }
  SUBCASE("not when it is no member") { CHECK(pass_while(4, word) != Role::kLeader); }
}

TEST_CASE_FIXTURE(Leased, "a transfer ends it for the rest of the term, whatever becomes of it") {
  net.cut(2);
  CHECK(net.core(1).transfer(kv::raft::node(2)).has_value());
  CHECK_FALSE(has_lease());
  for (int i = 0; i < 15; ++i) {
    net.pass(1, Net::kElection / 10);
    net.settle();
  }
  REQUIRE(net.core(1).role() == Role::kLeader);
  CHECK(net.core(1).propose({.size = 1}).has_value());
  CHECK_FALSE(has_lease());
}

TEST_CASE_FIXTURE(Leased, "a leader whose disk stands still hands over, or lets go") {
  net.member(1).is_disk_held = true;
  net.append_unsent(1);
  SUBCASE("to one that has everything") {
    net.settle();
    net.pass(1, Net::kElection / 10 * 4);
    net.settle();
    CHECK(has_lease());
    net.pass(1, Net::kElection / 10 * 2);
    CHECK_FALSE(has_lease());
    net.settle();
    CHECK(net.core(2).term() == 2);
  }
  SUBCASE("when nobody has") {
    net.cut(2);
    net.cut(3);
    net.take(1);
    // By its time alone the lease would last on.
    constexpr std::uint64_t kHalf = Net::kElection / 2;
    CHECK(net.core(1).holds_lease(later(kHalf, kHalf)));
    CHECK_FALSE(net.core(1).holds_lease(later(kHalf + 1, kHalf)));
    net.pass(1, Net::kElection / 10 * 6);
    CHECK(net.core(1).role() == Role::kLeader);
    net.pass(1, Net::kElection / 10 * 5);
    CHECK(net.core(1).role() == Role::kFollower);
    // Nor is it elected again before its disk goes on.
    net.heal(2);
    net.heal(3);
    net.pass(1, 2 * Net::kElection);
    CHECK(net.core(1).role() == Role::kFollower);
    CHECK(net.grab_all<kv::raft::PrevoteRequest>().empty());
    net.sync_log(1);
    net.pass(1, 2 * Net::kElection);
    CHECK(net.core(1).role() == Role::kPreCandidate);
  }
}

TEST_CASE("nobody reads on a lease who was not allowed to; a lease there is") {
  Net net(3);
  net.elect(1);
  CHECK(net.core(1).holds_lease(net.member(1).now));
  CHECK_FALSE(net.core(1).lease_read(net.member(1).now).has_value());
}
