#include "raft/outbox.h"

#include <ostream>

#include <doctest/doctest.h>

using kv::raft::AppendReply;
using kv::raft::Message;
using kv::raft::NodeId;
using kv::raft::Outbox;
using kv::raft::ReadReply;
using kv::raft::ReadRequest;
using kv::raft::Term;
using kv::raft::VoteReply;

namespace {

Message reply(std::uint64_t to, Term term, std::uint64_t round) {
  return {.from = NodeId{1}, .to = NodeId{to}, .term = term, .body = AppendReply{.round = round}};
}

}  // namespace

TEST_CASE("a message leaves once the hard state it was written under is saved") {
  Outbox outbox(100);
  outbox.send(reply(2, 1, 1), 3, 3);
  CHECK(outbox.take().size() == 1);
  outbox.send(reply(2, 2, 2), 4, 3);
  CHECK(outbox.take().empty());
  outbox.saved(3, 2);
  CHECK(outbox.take().empty());
  outbox.saved(4, 2);
  CHECK(outbox.take().size() == 1);
  CHECK(outbox.held() == 0);
}

TEST_CASE("of those that wait, a newer one of the kind stands for the older") {
  Outbox outbox(100);
  for (std::uint64_t round = 1; round <= 100; ++round) outbox.send(reply(2, 2, round), 4, 3);
  outbox.send(reply(3, 2, 7), 4, 3);
  outbox.send({.from = NodeId{1}, .to = NodeId{2}, .term = 2, .body = VoteReply{}}, 4, 3);
  CHECK(outbox.held() == 3);
  outbox.saved(4, 2);
  const auto sent = outbox.take();
  REQUIRE(sent.size() == 3);
  CHECK(std::get<AppendReply>(sent[0].body).round == 100);
}

TEST_CASE("reads that wait do not stand for each other, up to a bound") {
  Outbox outbox(3);
  for (std::uint64_t nonce = 1; nonce <= 5; ++nonce) {
    outbox.send(
        {.from = NodeId{1}, .to = NodeId{2}, .term = 2, .body = ReadRequest{.nonce = nonce}}, 4, 3);
  }
  outbox.saved(4, 2);
  const auto sent = outbox.take();
  REQUIRE(sent.size() == 3);
  CHECK(std::get<ReadRequest>(sent[2].body).nonce == 3);
  outbox.send({.from = NodeId{1}, .to = NodeId{2}, .term = 3, .body = ReadReply{.nonce = 9}}, 5, 4);
  outbox.saved(5, 3);
  CHECK(outbox.take().size() == 1);
}

TEST_CASE("none outlives its term") {
  Outbox outbox(100);
  outbox.send(reply(2, 2, 1), 4, 3);
  outbox.saved(5, 3);
  CHECK(outbox.take().empty());
  CHECK(outbox.held() == 0);
}
