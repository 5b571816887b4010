#include "format/record.h"

#include <optional>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "base/checksum.h"
#include "kv/options.h"
#include "tests/support/damage.h"
#include "tests/support/golden.h"

namespace {

using namespace kv::format;
using kv::test::each_cut;
using kv::test::each_flip;

constexpr std::uint64_t kSalt = 0x1122334455667788;
constexpr std::uint64_t kTime = 1'700'000'000'123;

// The record at the front of `bytes` as a reader takes it: header, key and value only when both
// checksums hold.
struct Found {
  RecordHeader header;
  std::string key;
  std::string value;
};
std::optional<Found> read_record(std::string_view bytes, std::uint64_t salt) {
  Found found;
  if (decode_record_header(bytes, salt, found.header) != HeaderState::kValid) return std::nullopt;
  if (bytes.size() < record_size(found.header)) return std::nullopt;
  const std::string_view body =
      bytes.substr(kRecordHeaderSize, std::size_t{found.header.key_size} + found.header.value_size);
  if (!body_is_intact(found.header, body)) return std::nullopt;
  found.key = body.substr(0, found.header.key_size);
  found.value = body.substr(found.header.key_size);
  return found;
}

std::string put_record(std::string_view key, std::string_view value) {
  std::string out;
  const RecordHeader header{
      .type = RecordType::kPut, .term = 3, .sequence = 42, .timestamp_ms = 1700000000123};
  append_record(out, header, key, value, kSalt);
  return out;
}

// A header with a right checksum, whatever it says.
HeaderState decode_signed(const RecordHeader& header) {
  char bytes[kRecordHeaderSize];
  encode_record_header(header, kSalt, bytes);
  RecordHeader ignored;
  return decode_record_header({bytes, sizeof bytes}, kSalt, ignored);
}

}  // namespace

TEST_CASE("a record comes back as it was appended") {
  const std::vector<std::string> keys = {"k", std::string("\0\xff\n", 3), std::string(65536, 'x')};
  const std::vector<std::string> values = {"", "v", "seven b", "eight by", std::string(5000, '\0')};
  for (const std::string& key : keys) {
    for (const std::string& value : values) {
      CAPTURE(key.size());
      CAPTURE(value.size());
      const std::string bytes = put_record(key, value);
      const auto found = read_record(bytes, kSalt);
      REQUIRE(found);
      CHECK(found->header.type == RecordType::kPut);
      CHECK(found->header.flags == 0);
      CHECK(found->header.term == 3);
      CHECK(found->header.sequence == 42);
      CHECK(found->header.timestamp_ms == 1700000000123);
      CHECK(found->header.key_crc == kv::base::crc32c(key));
      CHECK(found->header.body_crc == kv::base::crc32c(key + value));
      CHECK(found->key == key);
      CHECK(found->value == value);
      CHECK(bytes.size() == record_size(found->header));
      CHECK(bytes.size() % kRecordAlignment == 0);
    }
  }
}

TEST_CASE("records follow each other without a gap") {
  std::string bytes = put_record("a", "1");
  const std::size_t second = bytes.size();
  append_record(bytes, {.type = RecordType::kDelete, .sequence = 43}, "a", "", kSalt);
  const auto found = read_record(std::string_view(bytes).substr(second), kSalt);
  REQUIRE(found);
  CHECK(found->header.type == RecordType::kDelete);
  CHECK(found->header.sequence == 43);
}

TEST_CASE("every flipped bit of a record is found, but for its padding") {
  const std::string bytes = put_record("key", "value");
  const std::size_t end = kRecordHeaderSize + 3 + 5;
  each_flip(bytes, [&](const std::string& damaged, std::size_t at) {
    // Nobody reads the padding, so it cannot lead anybody astray.
    CHECK(read_record(damaged, kSalt).has_value() == (at >= end));
  });
}

TEST_CASE("a record cut short is never taken for a whole one") {
  const std::string bytes = put_record("key", "value");
  each_cut(bytes, [&](const std::string& cut) { CHECK_FALSE(read_record(cut, kSalt)); });
}

TEST_CASE("a record of another segment does not pass") {
  const std::string bytes = put_record("key", "value");
  CHECK_FALSE(read_record(bytes, kSalt + 1));
}

TEST_CASE("zero bytes are the clean end of the log, anything else without a magic is damage") {
  RecordHeader header;
  std::string bytes(kRecordHeaderSize, '\0');
  CHECK(decode_record_header(bytes, kSalt, header) == HeaderState::kZero);
  CHECK(decode_record_header(bytes + "junk", kSalt, header) == HeaderState::kZero);
  bytes.back() = 1;
  CHECK(decode_record_header(bytes, kSalt, header) == HeaderState::kInvalid);
  bytes.pop_back();
  CHECK(decode_record_header(bytes, kSalt, header) == HeaderState::kInvalid);
}

TEST_CASE("a header is filled in only when it is valid") {
  std::string bytes = put_record("key", "value");
  bytes[0] = static_cast<char>(bytes[0] ^ 1);
  RecordHeader header{.sequence = 7};
  CHECK(decode_record_header(bytes, kSalt, header) == HeaderState::kInvalid);
  CHECK(header.sequence == 7);
}

TEST_CASE(
    "sizes over the limits, types and flags nobody writes are refused under a right checksum") {
  const auto valid = HeaderState::kValid;
  const auto invalid = HeaderState::kInvalid;
  using enum RecordType;
  CHECK(decode_signed({.type = kPut, .key_size = 1}) == valid);
  CHECK(decode_signed({.type = kPut, .key_size = kv::kKeySizeMax}) == valid);
  CHECK(decode_signed({.type = kPut, .key_size = 0}) == invalid);
  CHECK(decode_signed({.type = kPut, .key_size = kv::kKeySizeMax + 1}) == invalid);
  CHECK(decode_signed({.type = kPut, .key_size = 1, .value_size = kv::kValueSizeMax}) == valid);
  CHECK(decode_signed({.type = kPut, .key_size = 1, .value_size = kv::kValueSizeMax + 1}) ==
        invalid);
  CHECK(decode_signed({.type = kPut, .flags = kFlagInBatch, .key_size = 1}) == valid);
  CHECK(decode_signed({.type = kPut, .flags = 2, .key_size = 1}) == invalid);
  CHECK(decode_signed({.type = kDelete, .key_size = 1}) == valid);
  CHECK(decode_signed({.type = kDelete, .key_size = 1, .value_size = 1}) == invalid);
  CHECK(decode_signed({.type = kDelete, .key_size = 0}) == invalid);
  const auto batch_max =
      static_cast<std::uint32_t>(kv::kBatchSizeMax + std::uint64_t{kv::kBatchCountMax} * 64);
  CHECK(decode_signed({.type = kBatch, .value_size = batch_max}) == valid);
  CHECK(decode_signed({.type = kBatch, .value_size = batch_max + 1}) == invalid);
  CHECK(decode_signed({.type = kBatch, .key_size = 1}) == invalid);
  CHECK(decode_signed({.type = kBatch, .flags = kFlagInBatch}) == invalid);
  CHECK(decode_signed({.type = kSyncMark, .value_size = kSyncMarkSize}) == valid);
  CHECK(decode_signed({.type = kSyncMark, .value_size = kSyncMarkSize + 8}) == invalid);
  CHECK(decode_signed({.type = kNoop}) == valid);
  CHECK(decode_signed({.type = kNoop, .key_size = 1}) == invalid);
  CHECK(decode_signed({.type = kNoop, .value_size = 1}) == invalid);
  CHECK(decode_signed({.type = kNoop, .flags = kFlagInBatch}) == invalid);
  CHECK(decode_signed({.type = kConfig, .value_size = kConfigSizeMax}) == valid);
  CHECK(decode_signed({.type = kConfig, .value_size = kConfigSizeMax + 1}) == invalid);
  CHECK(decode_signed({.type = kConfig, .key_size = 1}) == invalid);
  CHECK(decode_signed({.type = kConfig, .flags = kFlagInBatch}) == invalid);
  CHECK(decode_signed({.type = kCompare}) == valid);
  CHECK(decode_signed({.type = kCompare, .key_size = 1}) == invalid);
  CHECK(decode_signed({.type = kCompare, .value_size = 1}) == invalid);
  CHECK(decode_signed({.type = kCompare, .flags = kFlagInBatch}) == invalid);
  for (const int type : {0, 5, 15, 19, 255}) {
    CAPTURE(type);
    CHECK(decode_signed({.type = static_cast<RecordType>(type), .key_size = 1}) == invalid);
  }
}

TEST_CASE("a record that says nothing has its golden bytes") {
  std::string bytes;
  append_record(
      bytes, {.type = RecordType::kNoop, .term = 3, .sequence = 42, .timestamp_ms = 1700000000123},
      {}, {}, 0x1122334455667788);
  CHECK(kv::test::golden_difference("record-noop.hex", bytes) == "");
  CHECK(is_system(RecordType::kNoop));
  CHECK(is_system(RecordType::kConfig));
  CHECK(is_system(RecordType::kCompare));
  CHECK_FALSE(is_system(RecordType::kSyncMark));
  CHECK_FALSE(is_data(RecordType::kBatch));
}

TEST_CASE("a damaged header still tells its fields, and a damaged value whose it was") {
  std::string bytes = put_record("key", "value");
  bytes[0] = static_cast<char>(bytes[0] ^ 1);
  const RecordHeader raw = raw_record_header(bytes);
  CHECK(raw.type == RecordType::kPut);
  CHECK(raw.key_size == 3);
  CHECK(raw.value_size == 5);
  CHECK(raw.sequence == 42);
  CHECK(raw.key_crc == kv::base::crc32c(bytes.substr(kRecordHeaderSize, raw.key_size)));
}

TEST_CASE("a body whose key has another checksum is not intact") {
  RecordHeader header = raw_record_header(put_record("key", "value"));
  REQUIRE(body_is_intact(header, "keyvalue"));
  header.key_crc ^= 1;
  CHECK_FALSE(body_is_intact(header, "keyvalue"));
}

TEST_CASE("a body of another size is not intact") {
  const std::string bytes = put_record("key", "value");
  const RecordHeader header = raw_record_header(bytes);
  CHECK(body_is_intact(header, "keyvalue"));
  CHECK_FALSE(body_is_intact(header, "keyvalu"));
  CHECK_FALSE(body_is_intact(header, "keyvalue!"));
  CHECK_FALSE(body_is_intact(header, ""));
}

TEST_CASE("a sync mark comes back as it was appended") {
  std::string bytes;
  append_sync_mark(bytes, {.synced_sequence = 5, .last_sequence = 9, .chain = 0xabc}, 2, 77, kSalt);
  const auto found = read_record(bytes, kSalt);
  REQUIRE(found);
  CHECK(found->header.type == RecordType::kSyncMark);
  CHECK(found->header.sequence == 0);
  CHECK(found->header.term == 2);
  CHECK(found->header.timestamp_ms == 77);
  const auto mark = decode_sync_mark(found->value);
  REQUIRE(mark);
  CHECK(mark->synced_sequence == 5);
  CHECK(mark->last_sequence == 9);
  CHECK(mark->chain == 0xabc);
  CHECK_FALSE(decode_sync_mark(found->value + "x"));
  CHECK_FALSE(decode_sync_mark(""));
}

TEST_CASE(
    "the chain depends on what a record is and says, and not on where or when it was written") {
  const RecordHeader record{.type = RecordType::kPut,
                            .key_size = 3,
                            .value_size = 5,
                            .body_crc = 6,
                            .key_crc = 7,
                            .term = 1,
                            .sequence = 2,
                            .timestamp_ms = 8};
  const std::uint64_t chain = extend_chain(9, record);
  const auto changed = [&](auto change) {
    RecordHeader other = record;
    change(other);
    return extend_chain(9, other) != chain;
  };
  CHECK(extend_chain(9, record) == chain);
  CHECK(extend_chain(10, record) != chain);
  CHECK(changed([](RecordHeader& other) { other.type = RecordType::kDelete; }));
  CHECK(changed([](RecordHeader& other) { other.flags = 1; }));
  CHECK(changed([](RecordHeader& other) { other.key_size = 4; }));
  CHECK(changed([](RecordHeader& other) { other.value_size = 6; }));
  CHECK(changed([](RecordHeader& other) { other.body_crc = 7; }));
  CHECK(changed([](RecordHeader& other) { other.term = 2; }));
  CHECK(changed([](RecordHeader& other) { other.sequence = 3; }));
  CHECK_FALSE(changed([](RecordHeader& other) { other.timestamp_ms = 9; }));
}

TEST_CASE("records have their golden bytes") {
  const RecordHeader put{
      .type = RecordType::kPut, .term = 3, .sequence = 42, .timestamp_ms = kTime};
  const RecordHeader gone{
      .type = RecordType::kDelete, .term = 3, .sequence = 43, .timestamp_ms = kTime + 1};
  RecordHeader member{.type = RecordType::kPut,
                      .flags = kFlagInBatch,
                      .term = 3,
                      .sequence = 44,
                      .timestamp_ms = kTime + 2};
  RecordHeader batch = member;
  batch.type = RecordType::kBatch;
  batch.flags = 0;
  std::string members;
  append_record(members, member, "kiwi", "green", kSalt);
  member.type = RecordType::kDelete;
  append_record(members, member, "plum", "", kSalt);

  std::uint64_t chain = 0;
  const auto check = [&](const char* name, const RecordHeader& header, std::string_view key,
                         std::string_view value, std::uint64_t chain_after) {
    CAPTURE(name);
    std::string bytes;
    append_record(bytes, header, key, value, kSalt);
    CHECK(kv::test::golden_difference(name, bytes) == "");
    const auto found = read_record(kv::test::load_golden(name), kSalt);
    REQUIRE(found);
    CHECK(found->header.type == header.type);
    CHECK(found->header.flags == header.flags);
    CHECK(found->header.term == header.term);
    CHECK(found->header.sequence == header.sequence);
    CHECK(found->header.timestamp_ms == header.timestamp_ms);
    CHECK(found->key == key);
    CHECK(found->value == value);
    chain = extend_chain(chain, found->header);
    CHECK(chain == chain_after);
  };
  check("record-put.hex", put, "apple", "fruit", 0xea871b4ec60afacc);
  check("record-delete.hex", gone, "apple", "", 0x6fe270ad14cf89b4);
  check("record-batch.hex", batch, "", members, 0x01398a22a3225f89);

  std::string mark;
  append_sync_mark(mark, {.synced_sequence = 42, .last_sequence = 44, .chain = chain}, 3, kTime + 3,
                   kSalt);
  CHECK(kv::test::golden_difference("record-sync-mark.hex", mark) == "");
}
