#include "peer/message.h"

#include <ostream>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "tests/support/golden.h"
#include "tests/support/peer_frames.h"

namespace {

using namespace kv::peer;
namespace raft = kv::raft;
using raft::NodeId;

raft::Message message(std::uint64_t from, raft::Term term, raft::Body body) {
  return {NodeId{from}, NodeId{3 - from}, term, std::move(body)};
}

// As in tests/golden/peer-messages.hex.
std::vector<raft::Message> messages() {
  raft::AppendReply conflict{.round = 10, .matched = 0, .durable = 41, .applied = 40};
  conflict.conflict =
      raft::Conflict{.prev = 42, .term = 2, .first = 38, .last = 41, .is_damaged = true};
  return {
      message(1, 4, raft::PrevoteRequest{{3, 42}}),
      message(2, 4, raft::PrevoteReply{4, true}),
      message(1, 5, raft::VoteRequest{{3, 42}, 4}),
      message(2, 5, raft::VoteReply{true}),
      message(2, 5, raft::AppendReply{.round = 9, .matched = 42, .durable = 41, .applied = 40}),
      message(2, 5, conflict),
      message(2, 5, raft::ReadRequest{77}),
      message(1, 5, raft::ReadReply{77, 42}),
      message(1, 5, raft::ReadReply{78, std::nullopt}),
      message(1, 5, raft::TimeoutNow{5}),
  };
}
std::string encode(const raft::Message& message) {
  Gather out;
  append_message(out, message);
  return out.joined();
}
Frame frame_of(const std::string& bytes) {
  auto read = kv::test::read_frames(bytes);
  REQUIRE(read.frames.size() == 1);
  return read.frames[0];
}

}  // namespace

TEST_CASE("messages have their golden bytes") {
  std::string all;
  for (const raft::Message& one : messages()) all += encode(one);
  CHECK(kv::test::golden_difference("peer-messages.hex", all) == "");
}

TEST_CASE("messages come back as they were sent") {
  for (const raft::Message& sent : messages()) {
    CAPTURE(raft::describe(sent));
    const auto received = decode_message(frame_of(encode(sent)));
    REQUIRE(received);
    // It tells every field but a conflict's absence, which the other bytes tell.
    CHECK(raft::describe(received->message) == raft::describe(sent));
    CHECK(encode(received->message) == encode(sent));
  }
}

TEST_CASE("no byte of a message is left unread: each has a value that nobody writes, or counts") {
  for (const raft::Message& sent : messages()) {
    CAPTURE(raft::describe(sent));
    const Frame frame = frame_of(encode(sent));
    for (std::size_t at = 0; at < frame.payload.size(); ++at) {
      CAPTURE(at);
      Frame other = frame;
      other.payload[at] = static_cast<char>(other.payload[at] ^ 0x40);
      const auto received = decode_message(other);
      if (received) {
        CHECK(encode(received->message).substr(kFrameHeaderSize) == other.payload);
      } else {
        CHECK(received.error().fault == Fault::kMalformed);
      }
    }
  }
}

TEST_CASE("a message from nobody, to nobody or of the wrong size is malformed") {
  for (const raft::Message& sent : messages()) {
    for (const bool is_sender : {false, true}) {
      raft::Message nobody = sent;
      (is_sender ? nobody.from : nobody.to) = raft::kNoNode;
      const auto received = decode_message(frame_of(encode(nobody)));
      REQUIRE_FALSE(received);
      CHECK(received.error().fault == Fault::kMalformed);
    }
    Frame frame = frame_of(encode(sent));
    frame.payload.push_back('\0');
    CHECK_FALSE(decode_message(frame));
    frame.payload.resize(frame.payload.size() - 2);
    CHECK_FALSE(decode_message(frame));
  }
}

TEST_CASE("a frame that is no message is refused as one") {
  const auto received = decode_message({FrameType::kHello, std::string(96, '\1')});
  REQUIRE_FALSE(received);
  CHECK(received.error().fault == Fault::kMalformed);
}
