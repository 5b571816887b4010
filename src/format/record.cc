#include "format/record.h"

#include "base/check.h"
#include "base/checksum.h"
#include "base/endian.h"
#include "kv/options.h"

namespace kv::format {
namespace {

using base::append_le;
using base::load_le;
using base::store_le;

constexpr std::size_t kHeaderCrcAt = 0;
constexpr std::size_t kBodyCrcAt = 4;
constexpr std::size_t kMagicAt = 8;
constexpr std::size_t kTypeAt = 10;
constexpr std::size_t kFlagsAt = 11;
constexpr std::size_t kKeySizeAt = 12;
constexpr std::size_t kValueSizeAt = 16;
constexpr std::size_t kKeyCrcAt = 20;
constexpr std::size_t kTermAt = 24;
constexpr std::size_t kSequenceAt = 32;
constexpr std::size_t kTimestampAt = 40;
static_assert(kTimestampAt + sizeof(std::uint64_t) == kRecordHeaderSize);

// A member of a batch adds its header and up to 7 bytes of padding to its key and value.
constexpr std::uint64_t kBatchMemberOverheadMax = 64;
static_assert(kRecordHeaderSize + kRecordAlignment <= kBatchMemberOverheadMax);

std::uint32_t header_crc(const char* header, std::uint64_t salt) {
  char salted[sizeof salt];
  store_le(salted, salt);
  const std::uint32_t crc = base::crc32c({salted, sizeof salted});
  return base::crc32c_extend(crc, {header + kBodyCrcAt, kRecordHeaderSize - kBodyCrcAt});
}

// An unknown flag would change what the value means, so it is refused like an unknown type.
bool shape_is_known(const RecordHeader& header) {
  const bool has_key = header.key_size >= 1 && header.key_size <= kKeySizeMax;
  switch (header.type) {
    case RecordType::kPut:
      return has_key && header.value_size <= kValueSizeMax && (header.flags & ~kFlagInBatch) == 0;
    case RecordType::kDelete:
      return has_key && header.value_size == 0 && (header.flags & ~kFlagInBatch) == 0;
    case RecordType::kBatch:
      return header.key_size == 0 && header.flags == 0 &&
             header.value_size <= kBatchSizeMax + kBatchCountMax * kBatchMemberOverheadMax;
    case RecordType::kSyncMark:
      return header.key_size == 0 && header.flags == 0 && header.value_size == kSyncMarkSize;
    case RecordType::kNoop:
    case RecordType::kCompare:
      return header.key_size == 0 && header.flags == 0 && header.value_size == 0;
    case RecordType::kConfig:
      return header.key_size == 0 && header.flags == 0 && header.value_size <= kConfigSizeMax;
  }
  return false;
}

}  // namespace

void encode_record_header(const RecordHeader& header, std::uint64_t salt, char* out) {
  store_le(out + kBodyCrcAt, header.body_crc);
  store_le(out + kMagicAt, kRecordMagic);
  store_le(out + kTypeAt, static_cast<std::uint8_t>(header.type));
  store_le(out + kFlagsAt, header.flags);
  store_le(out + kKeySizeAt, header.key_size);
  store_le(out + kValueSizeAt, header.value_size);
  store_le(out + kKeyCrcAt, header.key_crc);
  store_le(out + kTermAt, header.term);
  store_le(out + kSequenceAt, header.sequence);
  store_le(out + kTimestampAt, header.timestamp_ms);
  store_le(out + kHeaderCrcAt, header_crc(out, salt));
}

HeaderState decode_record_header(std::string_view bytes, std::uint64_t salt, RecordHeader& header) {
  if (bytes.size() < kRecordHeaderSize) return HeaderState::kInvalid;
  bytes = bytes.substr(0, kRecordHeaderSize);
  if (load_le<std::uint16_t>(bytes.data() + kMagicAt) != kRecordMagic) {
    const bool is_zero = bytes.find_first_not_of('\0') == std::string_view::npos;
    return is_zero ? HeaderState::kZero : HeaderState::kInvalid;
  }
  if (load_le<std::uint32_t>(bytes.data() + kHeaderCrcAt) != header_crc(bytes.data(), salt)) {
    return HeaderState::kInvalid;
  }
  const RecordHeader found = raw_record_header(bytes);
  if (!shape_is_known(found)) return HeaderState::kInvalid;
  header = found;
  return HeaderState::kValid;
}

RecordHeader raw_record_header(std::string_view bytes) {
  KV_CHECK(bytes.size() >= kRecordHeaderSize);
  const char* at = bytes.data();
  return {
      .type = static_cast<RecordType>(load_le<std::uint8_t>(at + kTypeAt)),
      .flags = load_le<std::uint8_t>(at + kFlagsAt),
      .key_size = load_le<std::uint32_t>(at + kKeySizeAt),
      .value_size = load_le<std::uint32_t>(at + kValueSizeAt),
      .body_crc = load_le<std::uint32_t>(at + kBodyCrcAt),
      .key_crc = load_le<std::uint32_t>(at + kKeyCrcAt),
      .term = load_le<std::uint64_t>(at + kTermAt),
      .sequence = load_le<std::uint64_t>(at + kSequenceAt),
      .timestamp_ms = load_le<std::uint64_t>(at + kTimestampAt),
  };
}

void append_record(std::string& out, RecordHeader header, std::string_view key,
                   std::string_view value, std::uint64_t salt) {
  header.key_size = static_cast<std::uint32_t>(key.size());
  header.value_size = static_cast<std::uint32_t>(value.size());
  KV_CHECK(header.key_size == key.size());
  KV_CHECK(header.value_size == value.size());
  KV_CHECK(shape_is_known(header));
  header.key_crc = base::crc32c(key);
  header.body_crc = base::crc32c_extend(header.key_crc, value);

  char encoded[kRecordHeaderSize];
  encode_record_header(header, salt, encoded);
  const std::size_t end = out.size() + record_size(header);
  out.append(encoded, sizeof encoded).append(key).append(value);
  out.resize(end, '\0');
}

bool body_is_intact(const RecordHeader& header, std::string_view key_and_value) {
  const std::uint64_t size = std::uint64_t{header.key_size} + header.value_size;
  if (key_and_value.size() != size) return false;
  // The key's checksum is the first half of the body's, so that looking at both costs nothing.
  const std::uint32_t key_crc = base::crc32c(key_and_value.substr(0, header.key_size));
  if (key_crc != header.key_crc) return false;
  return base::crc32c_extend(key_crc, key_and_value.substr(header.key_size)) == header.body_crc;
}

void append_sync_mark(std::string& out, const SyncMark& mark, std::uint64_t term,
                      std::uint64_t timestamp_ms, std::uint64_t salt) {
  std::string value;
  append_le(value, mark.synced_sequence);
  append_le(value, mark.last_sequence);
  append_le(value, mark.chain);
  const RecordHeader header{
      .type = RecordType::kSyncMark, .term = term, .timestamp_ms = timestamp_ms};
  append_record(out, header, {}, value, salt);
}

std::optional<SyncMark> decode_sync_mark(std::string_view value) {
  if (value.size() != kSyncMarkSize) return std::nullopt;
  return SyncMark{
      .synced_sequence = load_le<std::uint64_t>(value.data()),
      .last_sequence = load_le<std::uint64_t>(value.data() + 8),
      .chain = load_le<std::uint64_t>(value.data() + 16),
  };
}

std::uint64_t extend_chain(std::uint64_t chain, const RecordHeader& header) {
  constexpr std::size_t kLinkSize = 32;
  char link[kLinkSize];
  store_le(link, header.term);
  store_le(link + 8, header.sequence);
  store_le(link + 16, static_cast<std::uint8_t>(header.type));
  store_le(link + 17, header.flags);
  store_le(link + 18, std::uint16_t{0});
  store_le(link + 20, header.key_size);
  store_le(link + 24, header.value_size);
  store_le(link + 28, header.body_crc);
  return base::chain64(chain, {link, sizeof link});
}

}  // namespace kv::format
