#include "peer/record_copy.h"

#include <string>

#include <doctest/doctest.h>

#include "base/checksum.h"
#include "base/endian.h"
#include "kv/options.h"
#include "peer/layout.h"
#include "tests/support/golden.h"
#include "tests/support/peer_frames.h"

namespace {

using namespace kv::peer;
using kv::format::RecordType;
using kv::raft::NodeId;
using State = RecordReply::State;

constexpr Envelope kAsks{NodeId{2}, NodeId{1}, 4};
constexpr Envelope kAnswers{NodeId{1}, NodeId{2}, 4};

RecordReply some_reply(std::string_view key = "apple", std::string_view value = "fruit") {
  RecordReply reply;
  reply.envelope = kAnswers;
  reply.id = 7;
  reply.state = State::kFound;
  reply.header.key_size = static_cast<std::uint32_t>(key.size());
  reply.header.value_size = static_cast<std::uint32_t>(value.size());
  reply.header.key_crc = kv::base::crc32c(key);
  reply.header.body_crc = kv::base::crc32c_extend(reply.header.key_crc, value);
  reply.header.term = 3;
  reply.header.sequence = 42;
  reply.header.timestamp_ms = 1'700'000'000'123;
  reply.key = key;
  reply.value = value;
  return reply;
}
std::string payload_of(const RecordReply& reply) {
  Gather out;
  append_record_reply(out, reply, nullptr);
  return out.joined().substr(kFrameHeaderSize);
}
std::string payload_of(const RecordRequest& request) {
  Gather out;
  append_record_request(out, request);
  return out.joined().substr(kFrameHeaderSize);
}
// With the header's checksum as it has to be.
std::string payload_with(const kv::format::RecordHeader& header) {
  std::string payload = payload_of(some_reply());
  kv::format::encode_record_header(header, 0, payload.data() + layout::kRecordReplySize);
  return payload;
}
template <class T>
Fault fault_of(const Parsed<T>& parsed) {
  REQUIRE_FALSE(parsed);
  return parsed.error().fault;
}

}  // namespace

TEST_CASE("a question for a record and its answers have their golden bytes, and come back") {
  const RecordRequest request{kAsks, 7, 42, "apple"};
  RecordReply later;
  later.envelope = kAnswers;
  later.id = 8;
  later.state = State::kLater;
  Gather out;
  append_record_request(out, request);
  append_record_reply(out, some_reply(), nullptr);
  append_record_reply(out, later, nullptr);
  CHECK(kv::test::golden_difference("peer-record.hex", out.joined()) == "");
  const auto read = kv::test::read_frames(kv::test::load_golden("peer-record.hex"));
  REQUIRE(read.frames.size() == 3);
  CHECK(is_record_copy(read.frames[0].type));
  CHECK(decode_record_request(read.frames[0].payload).value() == request);
  const auto found = decode_record_copy(read.frames[1]);
  REQUIRE(found);
  const auto& reply = std::get<RecordReply>(found->body);
  CHECK(found->envelope() == kAnswers);
  CHECK(reply.id == 7);
  CHECK(reply.state == State::kFound);
  CHECK(reply.header.term == 3);
  CHECK(reply.header.sequence == 42);
  CHECK(reply.header.timestamp_ms == 1'700'000'000'123);
  CHECK(reply.key == "apple");
  CHECK(reply.value == "fruit");
  const auto answer = decode_record_reply(read.frames[2].payload);
  REQUIRE(answer);
  CHECK(answer->id == 8);
  CHECK(answer->state == State::kLater);
  CHECK(answer->key.empty());
}

TEST_CASE("the largest record there is fits into a frame, and an empty value does") {
  const std::string key(kv::kKeySizeMax, 'k');
  const std::string value(kv::kValueSizeMax, 'v');
  CHECK(payload_of(some_reply(key, value)).size() <= payload_bounds(FrameType::kRecordReply).most);
  CHECK(payload_of(RecordRequest{kAsks, 1, 1, key}).size() ==
        payload_bounds(FrameType::kRecordRequest).most);
  const std::string payload = payload_of(some_reply("k", ""));
  const auto empty = decode_record_reply(payload);
  REQUIRE(empty);
  CHECK(empty->value.empty());
}

TEST_CASE("a question without a key, or with too large a one, is refused") {
  std::string payload = payload_of(RecordRequest{kAsks, 7, 42, "k"});
  CHECK(decode_record_request(payload));
  SUBCASE("none") { payload.pop_back(); }
  SUBCASE("too large") { payload.resize(layout::kRecordRequestSize + kv::kKeySizeMax + 1, 'k'); }
  SUBCASE("from nobody") { kv::base::store_le(payload.data(), std::uint64_t{0}); }
  CHECK(fault_of(decode_record_request(payload)) == Fault::kMalformed);
}

TEST_CASE("a record that is not whole, or none that an asker can have lost, is refused") {
  std::string payload = payload_of(some_reply());
  auto header = some_reply().header;
  CHECK(decode_record_reply(payload_with(header)));
  SUBCASE("cut") { payload.pop_back(); }
  SUBCASE("more bytes") { payload.push_back('\0'); }
  SUBCASE("padded with other than zeros") { payload.back() = 1; }
  SUBCASE("no record") { payload.resize(layout::kRecordReplySize); }
  SUBCASE("a state that nobody has") { payload[32] = 4; }
  SUBCASE("a record where none was found") { payload[32] = 1; }
  SUBCASE("another header than its checksum says") { payload[layout::kRecordReplySize + 30] ^= 1; }
  SUBCASE("a deletion") {
    header.type = RecordType::kDelete;
    payload = payload_with(header);
  }
  SUBCASE("a batch's member") {
    header.flags = kv::format::kFlagInBatch;
    payload = payload_with(header);
  }
  SUBCASE("more than there is") {
    header.value_size = 6000;
    payload = payload_with(header);
  }
  CHECK(fault_of(decode_record_reply(payload)) == Fault::kMalformed);
}

TEST_CASE("a value that is not what was written is the sender's damage") {
  std::string payload = payload_of(some_reply());
  payload[layout::kRecordReplySize + kv::format::kRecordHeaderSize + 6] ^= 1;
  CHECK(fault_of(decode_record_reply(payload)) == Fault::kRecordDamaged);
}
