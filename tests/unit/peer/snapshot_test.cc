#include "peer/snapshot.h"

#include <ostream>
#include <string>

#include <doctest/doctest.h>

#include "base/endian.h"
#include "peer/layout.h"
#include "tests/support/golden.h"
#include "tests/support/peer_frames.h"

namespace {

using namespace kv::peer;
using kv::raft::NodeId;

constexpr Envelope kThere{NodeId{1}, NodeId{2}, 4};
constexpr Envelope kBack{NodeId{2}, NodeId{1}, 4};

SnapshotBegin some_begin() {
  return {.envelope = kThere,
          .point = {3, 41, 0x0102030405060708},
          .round = 9,
          .snapshot_id = 0xabc,
          .membership = {.election_us = 1'000'000,
                         .members = {{1,
                                      {0x1111, 0x11},
                                      kv::format::MemberRole::kVoter,
                                      "a.example:7412",
                                      "a.example:7411"}}},
          .files = {{"000012.seg", 3, 0x1122334455667788}, {"000012.hint", 0, 0x99}}};
}
std::string payload_of(const SnapshotBegin& begin) {
  Gather out;
  append_snapshot_begin(out, begin);
  return out.joined().substr(kFrameHeaderSize);
}
std::string payload_of(const SnapshotChunk& chunk) {
  Gather out;
  append_snapshot_chunk(out, chunk, nullptr);
  return out.joined().substr(kFrameHeaderSize);
}
template <class T>
Fault fault_of(const Parsed<T>& parsed) {
  REQUIRE_FALSE(parsed);
  return parsed.error().fault;
}

}  // namespace

TEST_CASE("the frames of a snapshot have their golden bytes, and come back") {
  const SnapshotChunk chunk{kThere, 0xabc, 0, 0, "log"};
  const SnapshotEnd end{kThere, 0xabc, 3};
  const SnapshotReply go_on{kBack, 0xabc, SnapshotReply::State::kGoOn, 0, 1};
  const SnapshotReply done{kBack, 0xabc, SnapshotReply::State::kDone, 2, 0};
  Gather out;
  append_snapshot_begin(out, some_begin());
  append_snapshot_chunk(out, chunk, nullptr);
  append_snapshot_end(out, end);
  append_snapshot_reply(out, go_on);
  append_snapshot_reply(out, done);
  CHECK(kv::test::golden_difference("peer-snapshot.hex", out.joined()) == "");
  const auto read = kv::test::read_frames(kv::test::load_golden("peer-snapshot.hex"));
  REQUIRE(read.frames.size() == 5);
  CHECK(decode_snapshot_begin(read.frames[0].payload).value() == some_begin());
  CHECK(decode_snapshot_chunk(read.frames[1].payload).value() == chunk);
  CHECK(decode_snapshot_end(read.frames[2].payload).value() == end);
  CHECK(decode_snapshot_reply(read.frames[3].payload).value() == go_on);
  CHECK(decode_snapshot_reply(read.frames[4].payload).value() == done);
}

TEST_CASE("the receiver's core gets the point and who the members were there") {
  const kv::raft::Message message = some_begin().message();
  CHECK(message.from == NodeId{1});
  CHECK(message.to == NodeId{2});
  CHECK(message.term == 4);
  const auto& snapshot = std::get<kv::raft::Snapshot>(message.body);
  CHECK(snapshot.point == some_begin().point);
  CHECK(snapshot.round == 9);
  REQUIRE(snapshot.config);
  CHECK(snapshot.config->voters == std::vector<NodeId>{NodeId{1}});
}

TEST_CASE("a file's name leads nowhere, and is there once") {
  const auto is_sendable = [](std::vector<SnapshotFile> files) {
    return is_well_formed(std::move(files));
  };
  CHECK(is_sendable({{"000001.seg", 1, 1}, {"sessions-12", 1, 1}}));
  for (const std::string name :
       {"", ".", "..", ".seg", "a/b", "../a", "a\\b", "a b", "a\n", "\xc3\xa4"}) {
    CAPTURE(name);
    CHECK_FALSE(is_sendable({{name, 1, 1}}));
  }
  CHECK_FALSE(is_sendable({{std::string(65, 'a'), 1, 1}}));
  CHECK_FALSE(is_sendable({{std::string("a\0b", 3), 1, 1}}));
  CHECK_FALSE(is_sendable({{"a", 1, 1}, {"b", 1, 1}, {"a", 2, 2}}));
}

TEST_CASE("a list with a name that leads elsewhere is refused when it comes in") {
  std::string payload = payload_of(some_begin());
  const std::size_t at = payload.find("000012.seg");
  REQUIRE(at != std::string::npos);
  payload.replace(at, 3, "../");
  CHECK(fault_of(decode_snapshot_begin(payload)) == Fault::kMalformed);
}

TEST_CASE("counts and sizes that cannot be are refused before anything is allocated") {
  std::string payload = payload_of(some_begin());
  SUBCASE("files") { kv::base::store_le(payload.data() + 68, std::uint32_t{0xffffffff}); }
  SUBCASE("the membership's size") {
    kv::base::store_le(payload.data() + 64, std::uint32_t{0xffffffff});
  }
  SUBCASE("a term of the point to come") { payload[24] = 5; }
  SUBCASE("cut") { payload.pop_back(); }
  SUBCASE("more bytes") { payload.push_back('\0'); }
  SUBCASE("timing without room for heartbeats") {
    SnapshotBegin begin = some_begin();
    begin.membership.election_us = 1;
    payload = payload_of(begin);
  }
  CHECK(fault_of(decode_snapshot_begin(payload)) == Fault::kMalformed);
}

TEST_CASE("a chunk of other bytes than were read, or of none, is refused") {
  const SnapshotChunk chunk{kThere, 0xabc, 7, 4096, "bytes"};
  std::string payload = payload_of(chunk);
  CHECK(decode_snapshot_chunk(payload).value() == chunk);
  SUBCASE("other bytes") {
    payload.back() = '?';
    CHECK(fault_of(decode_snapshot_chunk(payload)) == Fault::kPayloadDamaged);
  }
  SUBCASE("none") {
    payload.resize(layout::kSnapshotChunkSize);
    CHECK(fault_of(decode_snapshot_chunk(payload)) == Fault::kMalformed);
  }
  SUBCASE("an offset beyond all files") {
    kv::base::store_le(payload.data() + 32, UINT64_MAX);
    CHECK(fault_of(decode_snapshot_chunk(payload)) == Fault::kMalformed);
  }
  SUBCASE("an index beyond all lists") {
    kv::base::store_le(payload.data() + 40, std::uint32_t{70'000});
    CHECK(fault_of(decode_snapshot_chunk(payload)) == Fault::kMalformed);
  }
}

TEST_CASE("the bytes of a large chunk are not copied") {
  const auto bytes = std::make_shared<const std::string>(layout::kChunkBytesMax, 'x');
  Gather out;
  append_snapshot_chunk(out, {kThere, 1, 0, 0, *bytes}, bytes);
  CHECK(out.pieces().back().data() == bytes->data());
  CHECK(decode_snapshot_chunk(out.joined().substr(kFrameHeaderSize)).value().bytes == *bytes);
}

TEST_CASE("a reply in a state that nobody has is refused") {
  Gather out;
  append_snapshot_reply(out, {kBack, 1, SnapshotReply::State::kRefused, 0, 0});
  std::string payload = out.joined().substr(kFrameHeaderSize);
  CHECK(decode_snapshot_reply(payload));
  payload[44] = 3;
  CHECK(fault_of(decode_snapshot_reply(payload)) == Fault::kMalformed);
}
