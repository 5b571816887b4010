#include "raft/message.h"

#include <ostream>
#include <set>

#include <doctest/doctest.h>

#include "raft/digest.h"

using kv::raft::Append;
using kv::raft::AppendReply;
using kv::raft::Body;
using kv::raft::Conflict;
using kv::raft::Digest;
using kv::raft::Message;
using kv::raft::NodeId;
using kv::raft::PrevoteReply;
using kv::raft::PrevoteRequest;
using kv::raft::ReadReply;
using kv::raft::ReadRequest;
using kv::raft::Snapshot;
using kv::raft::TimeoutNow;
using kv::raft::VoteReply;
using kv::raft::VoteRequest;

namespace {

std::vector<Message> samples() {
  const auto of = [](Body body) {
    return Message{.from = NodeId{1}, .to = NodeId{2}, .term = 3, .body = std::move(body)};
  };
  return {of(PrevoteRequest{.last = {.term = 2, .seq = 9}}),
          of(PrevoteReply{.asked = 3, .is_granted = true}),
          of(PrevoteReply{.asked = 3}),
          of(VoteRequest{.last = {.term = 2, .seq = 9}, .transfer_token = 2}),
          of(VoteReply{.is_granted = true}),
          of(VoteReply{}),
          of(Append{.prev = {.term = 2, .seq = 9}, .last = 12, .commit = 8, .round = 4}),
          of(AppendReply{.round = 4, .matched = 12, .durable = 9, .applied = 8}),
          of(AppendReply{.round = 4,
                         .conflict = Conflict{.prev = 9, .term = 1, .first = 3, .last = 9}}),
          of(ReadRequest{.nonce = 5}),
          of(ReadReply{.nonce = 5, .seq = 8}),
          of(ReadReply{.nonce = 5}),
          of(Snapshot{.point = {.term = 2, .seq = 7}, .round = 4}),
          of(TimeoutNow{.token = 3})};
}

}  // namespace

TEST_CASE("every message has a line and a digest of its own") {
  std::set<std::string> lines;
  std::set<std::uint64_t> digests;
  for (const Message& message : samples()) {
    lines.insert(describe(message));
    digests.insert(Digest().add(message).value());
  }
  CHECK(lines.size() == samples().size());
  CHECK(digests.size() == samples().size());
  CHECK(describe(samples()[6]) == "1>2 t3 append prev=2.9 last=12 commit=8 round=4");
}
