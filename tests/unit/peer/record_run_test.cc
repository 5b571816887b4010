#include "peer/record_run.h"

#include <ostream>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "base/checksum.h"
#include "base/endian.h"
#include "format/membership.h"
#include "tests/support/golden.h"
#include "tests/support/peer_frames.h"

namespace {

using namespace kv::peer;
using kv::format::RecordHeader;
using kv::format::RecordType;
namespace raft = kv::raft;
using raft::NodeId;

constexpr std::uint64_t kChain = 0x0102030405060708;
constexpr std::size_t kRecordsAt = 88;

struct Run {
  raft::Term term = 4;
  raft::Append append{.prev = {3, 41, kChain}, .last = 41, .commit = 40, .round = 9, .safe = 30};
  std::vector<SentRecord> records;

  void add(RecordType type, const std::string& key, const std::string& value, raft::Term of = 3,
           std::uint64_t timestamp_ms = 0) {
    SentRecord record;
    record.header.type = type;
    record.header.key_size = static_cast<std::uint32_t>(key.size());
    record.header.value_size = static_cast<std::uint32_t>(value.size());
    record.header.key_crc = kv::base::crc32c(key);
    record.header.body_crc = kv::base::crc32c(key + value);
    record.header.term = of;
    record.header.sequence = ++append.last;
    record.header.timestamp_ms = timestamp_ms;
    auto bytes = std::make_shared<const std::string>(key + value);
    record.body = *bytes;
    record.owner = std::move(bytes);
    records.push_back(std::move(record));
  }
  std::string encode() const {
    Gather out;
    append_message(out, {NodeId{1}, NodeId{2}, term, append}, records);
    return out.joined();
  }
  Parsed<Received> send() const { return decode_message(frame()); }
  Frame frame() const {
    auto read = kv::test::read_frames(encode());
    REQUIRE(read.frames.size() == 1);
    return read.frames[0];
  }
  Fault fault() const {
    const auto received = send();
    REQUIRE_FALSE(received);
    return received.error().fault;
  }
};

kv::format::Membership two_members() {
  return {.election_us = 1'000'000,
          .members = {{1, {1, 1}, kv::format::MemberRole::kVoter, "a:1", ""},
                      {2, {2, 2}, kv::format::MemberRole::kLearner, "b:1", ""}}};
}

}  // namespace

TEST_CASE_FIXTURE(Run, "appends have their golden bytes") {
  std::string bytes = encode();
  add(RecordType::kPut, "apple", "fruit", 3, 1700000000123);
  add(RecordType::kNoop, "", "", 4, 1700000000124);
  bytes += encode();
  CHECK(kv::test::golden_difference("peer-append.hex", bytes) == "");
}

TEST_CASE_FIXTURE(Run, "records arrive with what it takes to append them, and as entries") {
  add(RecordType::kPut, "apple", "fruit", 3, 123);
  add(RecordType::kDelete, "kiwi", "");
  add(RecordType::kPut, "large", std::string(100'000, 'x'));
  add(RecordType::kNoop, "", "", 4);
  add(RecordType::kConfig, "", kv::format::encode_membership(two_members()), 4);
  const auto received = send();
  REQUIRE(received);
  CHECK(received->message.term == 4);
  const auto& got = std::get<raft::Append>(received->message.body);
  CHECK(got.prev == append.prev);
  CHECK(got.last == 46);
  CHECK(got.commit == 40);
  CHECK(got.round == 9);
  REQUIRE(got.entries.size() == 5);
  REQUIRE(received->records.size() == 5);
  std::uint64_t chain = kChain;
  for (std::size_t i = 0; i < 5; ++i) {
    CAPTURE(i);
    CHECK(received->records[i].body == records[i].body);
    // Under the receiver's own salt it is the sender's record.
    char sent[48];
    char kept[48];
    kv::format::encode_record_header(records[i].header, 7, sent);
    kv::format::encode_record_header(received->records[i].header, 7, kept);
    CHECK(std::string_view(sent, 48) == std::string_view(kept, 48));
    chain = kv::format::extend_chain(chain, records[i].header);
    CHECK(got.entries[i].seq == 42 + i);
    CHECK(got.entries[i].term == records[i].header.term);
    CHECK(got.entries[i].chain == chain);
    CHECK(got.entries[i].size == kv::format::record_size(records[i].header));
  }
  CHECK(got.entries[2].kind == raft::EntryKind::kData);
  CHECK(got.entries[3].kind == raft::EntryKind::kNoop);
  CHECK(got.entries[4].kind == raft::EntryKind::kConfig);
  REQUIRE(got.entries[4].config);
  CHECK(got.entries[4].config->voters == std::vector<NodeId>{NodeId{1}});
  CHECK(got.entries[4].config->learners == std::vector<NodeId>{NodeId{2}});
}

TEST_CASE_FIXTURE(Run, "a heartbeat has no records") {
  const auto received = send();
  REQUIRE(received);
  CHECK(received->records.empty());
  CHECK(std::get<raft::Append>(received->message.body).entries.empty());
}

TEST_CASE_FIXTURE(Run, "a record that was damaged before it was sent is told as such") {
  add(RecordType::kPut, "apple", "fruit");
  SUBCASE("in its value") { records[0].body = "applefruiT"; }
  SUBCASE("in its key") { records[0].body = "Applefruit"; }
  SUBCASE("in the key's checksum") { records[0].header.key_crc ^= 1; }
  CHECK(fault() == Fault::kRecordDamaged);
}

TEST_CASE_FIXTURE(Run, "a run that cannot be part of a log is malformed") {
  add(RecordType::kPut, "apple", "fruit");
  add(RecordType::kPut, "kiwi", "fruit");
  std::string payload = frame().payload;
  const std::size_t record_size = 64;
  const auto set = [&](std::size_t at, std::uint64_t value) {
    kv::base::store_le(payload.data() + at, value);
  };
  const auto set_header = [&](std::size_t at, auto change) {
    RecordHeader header = kv::format::raw_record_header(std::string_view(payload).substr(at));
    change(header);
    kv::format::encode_record_header(header, 0, payload.data() + at);
  };
  SUBCASE("more records than said") { payload[80] = 1; }
  SUBCASE("fewer records than said") { payload[80] = 3; }
  SUBCASE("a count beyond all bounds") { set(80, 0xffffffff); }
  SUBCASE("last before prev") { set(48, 40); }
  SUBCASE("prev of a later term than the message") { set(24, 5); }
  SUBCASE("zero that is none") { payload[84] = 1; }
  SUBCASE("a gap") {
    set_header(kRecordsAt, [](RecordHeader& h) { h.sequence = 43; });
  }
  SUBCASE("a term that falls") {
    set_header(kRecordsAt, [](RecordHeader& h) { h.term = 2; });
  }
  SUBCASE("a term to come") {
    set_header(kRecordsAt, [](RecordHeader& h) { h.term = 5; });
  }
  SUBCASE("a member of a batch") {
    set_header(kRecordsAt, [](RecordHeader& h) { h.flags = kv::format::kFlagInBatch; });
  }
  SUBCASE("a sync mark") {
    set_header(kRecordsAt, [](RecordHeader& h) {
      h.type = RecordType::kSyncMark;
      h.key_size = 0;
      h.value_size = 24;
    });
  }
  SUBCASE("an unknown type") {
    set_header(kRecordsAt, [](RecordHeader& h) { h.type = RecordType{30}; });
  }
  SUBCASE("a header of another salt") { payload[kRecordsAt] ^= 1; }
  SUBCASE("a body beyond the end") {
    set_header(kRecordsAt + record_size, [](RecordHeader& h) { h.value_size += 8; });
  }
  SUBCASE("padding that is not zero") { payload[kRecordsAt + record_size - 1] = 1; }
  SUBCASE("bytes behind the last") { payload.push_back('\0'); }
  SUBCASE("cut") { payload.pop_back(); }
  const auto received = decode_message({FrameType::kAppend, payload});
  REQUIRE_FALSE(received);
  CHECK(received.error().fault == Fault::kMalformed);
}

TEST_CASE_FIXTURE(Run, "a configuration that cannot be is malformed") {
  kv::format::Membership membership = two_members();
  SUBCASE("not one at all") { add(RecordType::kConfig, "", "nonsense"); }
  SUBCASE("without room for heartbeats") {
    membership.election_us = 1;
    add(RecordType::kConfig, "", kv::format::encode_membership(membership));
  }
  CHECK(fault() == Fault::kMalformed);
}
