#include <ostream>

#include <doctest/doctest.h>

#include "raft/core.h"
#include "unit/raft/support/net.h"

using kv::raft::AppendReply;
using kv::raft::Message;
using kv::raft::Net;
using kv::raft::node;
using kv::raft::Position;
using kv::raft::PrevoteReply;
using kv::raft::PrevoteRequest;
using kv::raft::Role;
using kv::raft::Term;
using kv::raft::VoteReply;
using kv::raft::VoteRequest;

namespace {

// Node 2 of three, whom others ask for its vote.
struct Voter {
  Net net{3};

  std::optional<bool> ask(std::uint64_t from, Term term, Position last, Term token = 0) {
    net.drop_mail();
    net.deliver(Message{.from = node(from),
                        .to = node(2),
                        .term = term,
                        .body = VoteRequest{.last = last, .transfer_token = token}});
    const auto replies = net.grab_all<VoteReply>();
    if (replies.empty()) return std::nullopt;
    return std::get<VoteReply>(replies[0].body).is_granted;
  }
  bool prevote(Term term, Position last) {
    net.drop_mail();
    net.deliver(Message{
        .from = node(3), .to = node(2), .term = term, .body = PrevoteRequest{.last = last}});
    const auto replies = net.grab_all<PrevoteReply>();
    REQUIRE(replies.size() == 1);
    return std::get<PrevoteReply>(replies[0].body).is_granted;
  }
};

}  // namespace

TEST_CASE_FIXTURE(Voter, "a node votes once in a term, and again for the same candidate") {
  CHECK(ask(1, 1, {}) == true);
  CHECK(ask(3, 1, {}) == false);
  CHECK(ask(1, 1, {}) == true);
  CHECK(ask(3, 2, {}) == true);
}

TEST_CASE_FIXTURE(Voter, "a vote survives a crash") {
  CHECK(ask(1, 1, {}) == true);
  net.crash(2);
  net.start(2);
  net.pass(2, 2 * Net::kElection);
  CHECK(net.core(2).term() == 1);
  CHECK(ask(3, 1, {}) == false);
  CHECK(ask(1, 1, {}) == true);
}

TEST_CASE_FIXTURE(Voter, "a vote is answered only when it is on the disk") {
  net.member(2).is_disk_held = true;
  CHECK(ask(1, 1, {}) == std::nullopt);
  while (!net.member(2).unsynced.empty()) net.sync_state(2);
  net.take(2);
  CHECK(net.member(2).stable.voted_for == node(1));
  CHECK(net.grab_all<VoteReply>().size() == 1);
}

TEST_CASE_FIXTURE(Voter, "a vote that waits for the disk is not answered in a later term") {
  net.member(2).is_disk_held = true;
  CHECK(ask(1, 1, {}) == std::nullopt);
  CHECK(ask(3, 2, {}) == std::nullopt);
  while (!net.member(2).unsynced.empty()) net.sync_state(2);
  net.take(2);
  const auto replies = net.grab_all<VoteReply>();
  REQUIRE(replies.size() == 1);
  CHECK(replies[0].to == node(3));
  CHECK(replies[0].term == 2);
}

TEST_CASE_FIXTURE(Voter,
                  "a log that ends earlier gets no vote: first the term counts, then the length") {
  net.elect(2);
  net.write(2);
  net.write(2);
  // The log ends at 1.3.
  net.deliver(Message{.from = node(3), .to = node(2), .term = 5, .body = AppendReply{}});
  CHECK(ask(1, 6, {.term = 1, .seq = 2}) == false);
  CHECK(ask(1, 7, {.term = 0, .seq = 9}) == false);
  CHECK(ask(1, 8, {.term = 1, .seq = 3}) == true);
  CHECK(ask(1, 9, {.term = 1, .seq = 4}) == true);
  CHECK(ask(1, 10, {.term = 2, .seq = 1}) == true);
}

TEST_CASE_FIXTURE(Voter, "pre-votes change nothing and may go to several") {
  CHECK(prevote(3, {}));
  CHECK(prevote(4, {}));
  CHECK(net.core(2).term() == 0);
  CHECK(net.core(2).voted_for() == kv::raft::kNoNode);
  CHECK(ask(1, 9, {}) == true);
  CHECK_FALSE(prevote(8, {}));
  CHECK(prevote(9, {}));
}

TEST_CASE_FIXTURE(Voter, "who heard the leader lately neither votes nor takes over the term") {
  net.elect(1);
  CHECK(ask(3, 7, {.term = 9, .seq = 9}) == std::nullopt);
  CHECK(net.core(2).term() == 1);
  CHECK_FALSE(prevote(7, {.term = 9, .seq = 9}));
  SUBCASE("until it did not for an election timeout") {
    net.pass(2, Net::kElection);
    CHECK(ask(3, 7, {.term = 9, .seq = 9}) == true);
  }
  SUBCASE("or the leader of its term sent the candidate") {
    CHECK(ask(3, 3, {.term = 9, .seq = 9}, 2) == std::nullopt);
    CHECK(ask(3, 2, {.term = 9, .seq = 9}, 1) == true);
  }
}

TEST_CASE_FIXTURE(Voter, "a promise lasts until it is over by both clocks") {
  net.elect(1);
  auto& now = net.member(2).now;
  SUBCASE("one runs ahead") { now.boot_us += 5 * Net::kElection; }
  SUBCASE("or the other") { now.raw_us += 5 * Net::kElection; }
  net.core(2).tick(now);
  net.take(2);
  CHECK(ask(3, 7, {.term = 9, .seq = 9}) == std::nullopt);
  CHECK_FALSE(prevote(7, {.term = 9, .seq = 9}));
  now.boot_us += Net::kElection;
  now.raw_us += Net::kElection;
  net.core(2).tick(now);
  net.take(2);
  CHECK(ask(3, 7, {.term = 9, .seq = 9}) == true);
}

TEST_CASE("a leader is heard by itself and helps nobody") {
  Net net(3);
  net.elect(1);
  net.deliver(Message{.from = node(2),
                      .to = node(1),
                      .term = 4,
                      .body = VoteRequest{.last = {.term = 9, .seq = 9}}});
  CHECK(net.core(1).role() == Role::kLeader);
  CHECK(net.core(1).term() == 1);
}

TEST_CASE("a node whose term ran ahead brings the leader down when it is asked to follow") {
  Net net(3);
  net.elect(1);
  net.cut(3);
  net.pass(3, 2 * Net::kElection);
  net.deliver(Message{.from = node(2), .to = node(3), .term = 6, .body = AppendReply{}});
  net.heal(3);
  net.drop_mail();
  net.core(3).step(Message{.from = node(2), .to = node(3), .term = 6, .body = AppendReply{}});
  net.take(3);
  REQUIRE(net.core(3).term() == 6);
  net.pass(1, Net::kElection / 5);
  net.settle();
  CHECK(net.core(1).role() == Role::kFollower);
  CHECK(net.core(1).term() == 6);
}

TEST_CASE("messages of an earlier term change nothing") {
  Net net(3);
  net.elect(1);
  const auto before = net.core(2).fingerprint();
  net.deliver(
      Message{.from = node(3), .to = node(2), .term = 0, .body = VoteReply{.is_granted = true}});
  net.deliver(Message{.from = node(3), .to = node(2), .term = 0, .body = AppendReply{.round = 4}});
  CHECK(net.core(2).fingerprint() == before);
}

TEST_CASE_FIXTURE(Voter, "who lost what it knew to be committed votes for whoever has it") {
  net.elect(1);
  for (int i = 0; i < 4; ++i) net.write(1);
  net.crash(1);
  net.crash(2);
  // It voted for somebody who was never heard of again, and then the log's end went.
  auto& lost = net.member(2);
  lost.stable.commit_hint = 4;
  lost.stable.commit_hint_term = 1;
  lost.stable.term = 2;
  lost.stable.voted_for = node(1);
  lost.log.damage_from(3);
  net.start(2);
  REQUIRE(net.core(2).is_damaged());
  net.pass(3 * Net::kElection);
  CHECK(ask(3, 10, {.term = 1, .seq = 2}) == false);
  CHECK(ask(3, 11, {.term = 1, .seq = 3}) == false);
  SUBCASE("though it be no more") { CHECK(ask(3, 12, {.term = 1, .seq = 4}) == true); }
  SUBCASE("who then gives back what was lost") {
    // The first one learns of the other's term.
    for (int i = 0; i < 2; ++i) {
      net.drop_mail();
      net.pass(3, 2 * Net::kElection);
      net.settle();
    }
    CHECK(net.core(3).role() == Role::kLeader);
    CHECK(net.core(2).last() == net.core(3).last());
    CHECK_FALSE(net.core(2).is_damaged());
  }
}
