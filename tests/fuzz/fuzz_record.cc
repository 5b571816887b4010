// Any bytes as a record: what decodes must encode to the same bytes again. Each input is also tried
// with its header's checksum made right, to get at what lies behind that check.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "format/record.h"

namespace {

using namespace kv::format;

constexpr std::uint64_t kSalt = 0x1122334455667788;

// The value of a batch is a run of records; a sync mark's has three numbers.
void check_value(const RecordHeader& header, std::string_view value);

void check_record(std::string_view bytes) {
  RecordHeader header;
  if (decode_record_header(bytes, kSalt, header) != HeaderState::kValid) return;
  KV_CHECK(record_size(header) % kRecordAlignment == 0);
  char encoded[kRecordHeaderSize];
  encode_record_header(header, kSalt, encoded);
  KV_CHECK(bytes.starts_with(std::string_view(encoded, sizeof encoded)));

  const std::size_t size = std::size_t{header.key_size} + header.value_size;
  if (bytes.size() - kRecordHeaderSize < size) return;
  const std::string_view body = bytes.substr(kRecordHeaderSize, size);
  if (!body_is_intact(header, body)) return;
  const std::string_view key = body.substr(0, header.key_size);
  const std::string_view value = body.substr(header.key_size);
  std::string again;
  append_record(again, header, key, value, kSalt);
  KV_CHECK(again.size() == record_size(header));
  KV_CHECK(bytes.starts_with(std::string_view(again).substr(0, kRecordHeaderSize + size)));
  check_value(header, value);
}

void check_value(const RecordHeader& header, std::string_view value) {
  if (header.type == RecordType::kSyncMark) {
    const auto mark = decode_sync_mark(value);
    KV_CHECK(mark.has_value());
    std::string again;
    append_sync_mark(again, *mark, header.term, header.timestamp_ms, kSalt);
    KV_CHECK(again.substr(kRecordHeaderSize) == value);
  }
  if (header.type == RecordType::kBatch) check_record(value);
}

}  // namespace

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer calls it by this name.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  check_record(bytes);
  if (size < kRecordHeaderSize) return 0;

  std::string valid(bytes);
  encode_record_header(raw_record_header(bytes), kSalt, valid.data());
  check_record(valid);
  // And with the body's checksums right as well: append_record makes them.
  RecordHeader header;
  if (decode_record_header(valid, kSalt, header) != HeaderState::kValid) return 0;
  const std::size_t body_size = std::size_t{header.key_size} + header.value_size;
  if (size - kRecordHeaderSize < body_size) return 0;
  std::string whole;
  append_record(whole, header, bytes.substr(kRecordHeaderSize, header.key_size),
                bytes.substr(kRecordHeaderSize + header.key_size, header.value_size), kSalt);
  KV_CHECK(decode_record_header(whole, kSalt, header) == HeaderState::kValid);
  KV_CHECK(body_is_intact(header, std::string_view(whole).substr(kRecordHeaderSize, body_size)));
  check_record(whole);
  return 0;
}
