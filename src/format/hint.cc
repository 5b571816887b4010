#include "format/hint.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/check.h"
#include "base/checksum.h"
#include "base/endian.h"
#include "format/damage.h"
#include "kv/options.h"

namespace kv::format {
namespace {

using base::append_le;
using base::load_le;
using base::store_le;

constexpr std::size_t kMagicAt = 0;
constexpr std::size_t kVersionAt = 4;
constexpr std::size_t kSegmentAt = 8;
constexpr std::size_t kSaltAt = 16;
constexpr std::size_t kSegmentSizeAt = 24;
constexpr std::size_t kFirstSequenceAt = 32;
constexpr std::size_t kLastSequenceAt = 40;
constexpr std::size_t kRecordsAt = 48;
constexpr std::size_t kEndChainAt = 56;
constexpr std::size_t kCountAt = 64;
constexpr std::size_t kEntriesSizeAt = 72;
constexpr std::size_t kFilterSizeAt = 80;
constexpr std::size_t kEntriesCrcAt = 88;
constexpr std::size_t kFilterCrcAt = 92;
constexpr std::size_t kHeaderCrcAt = 100;
static_assert(kHeaderCrcAt + sizeof(std::uint32_t) == kHintHeaderSize);

constexpr std::uint32_t kTypeShift = 24;
constexpr std::uint32_t kKeySizeMask = (std::uint32_t{1} << kTypeShift) - 1;
static_assert(kKeySizeMax <= kKeySizeMask);

// What the header says of the parts behind it.
struct Parts {
  std::uint64_t count = 0;
  std::string_view entries;
  std::string_view filter;
  std::uint32_t entries_crc = 0;
  std::uint32_t filter_crc = 0;
};

void encode_header(const HintBinding& binding, const Parts& parts, char* out) {
  std::fill_n(out, kHintHeaderSize, '\0');
  store_le(out + kMagicAt, kHintMagic);
  store_le(out + kVersionAt, kHintVersion);
  store_le(out + kSegmentAt, number(binding.segment));
  store_le(out + kSaltAt, binding.salt);
  store_le(out + kSegmentSizeAt, binding.segment_size);
  store_le(out + kFirstSequenceAt, binding.first_sequence);
  store_le(out + kLastSequenceAt, binding.last_sequence);
  store_le(out + kRecordsAt, binding.records);
  store_le(out + kEndChainAt, binding.end_chain);
  store_le(out + kCountAt, parts.count);
  store_le(out + kEntriesSizeAt, std::uint64_t{parts.entries.size()});
  store_le(out + kFilterSizeAt, std::uint64_t{parts.filter.size()});
  store_le(out + kEntriesCrcAt, parts.entries_crc);
  store_le(out + kFilterCrcAt, parts.filter_crc);
  store_le(out + kHeaderCrcAt, base::crc32c({out, kHeaderCrcAt}));
}

HintBinding decode_binding(const char* at) {
  return {
      .segment = SegmentId{load_le<std::uint32_t>(at + kSegmentAt)},
      .salt = load_le<std::uint64_t>(at + kSaltAt),
      .segment_size = load_le<std::uint64_t>(at + kSegmentSizeAt),
      .first_sequence = load_le<std::uint64_t>(at + kFirstSequenceAt),
      .last_sequence = load_le<std::uint64_t>(at + kLastSequenceAt),
      .records = load_le<std::uint64_t>(at + kRecordsAt),
      .end_chain = load_le<std::uint64_t>(at + kEndChainAt),
  };
}

// Magic, header checksum and version, in this order: a damaged version is damage.
Result<void> check_header(std::string_view content) {
  if (content.size() < kHintHeaderSize) {
    return corruption(fmt::format("hint header: {} of {} bytes", content.size(), kHintHeaderSize));
  }
  const char* at = content.data();
  if (load_le<std::uint32_t>(at + kMagicAt) != kHintMagic) {
    return corruption("hint header: not a hint, the magic number is wrong");
  }
  if (load_le<std::uint32_t>(at + kHeaderCrcAt) != base::crc32c({at, kHeaderCrcAt})) {
    return corruption("hint header: checksum mismatch");
  }
  const auto version = load_le<std::uint16_t>(at + kVersionAt);
  if (version > kHintVersion) {
    return newer_format(
        fmt::format("hint version {}; this program knows up to {}", version, kHintVersion));
  }
  return {};
}

// Cuts the content into its parts and compares their checksums.
Result<Parts> check_parts(std::string_view content) {
  const char* at = content.data();
  const std::uint64_t body_size = content.size() - kHintHeaderSize;
  const auto entries_size = load_le<std::uint64_t>(at + kEntriesSizeAt);
  const auto filter_size = load_le<std::uint64_t>(at + kFilterSizeAt);
  if (entries_size > body_size || filter_size != body_size - entries_size) {
    return corruption(fmt::format("hint: {} bytes, its header says {} and {} after {}",
                                  content.size(), entries_size, filter_size, kHintHeaderSize));
  }
  const Parts parts{
      .count = load_le<std::uint64_t>(at + kCountAt),
      .entries = content.substr(kHintHeaderSize, entries_size),
      .filter = content.substr(kHintHeaderSize + entries_size),
      .entries_crc = load_le<std::uint32_t>(at + kEntriesCrcAt),
      .filter_crc = load_le<std::uint32_t>(at + kFilterCrcAt),
  };
  if (parts.entries_crc != base::crc32c(parts.entries)) {
    return corruption("hint entries: checksum mismatch");
  }
  if (parts.filter_crc != base::crc32c(parts.filter)) {
    return corruption("hint filter: checksum mismatch");
  }
  char again[kHintHeaderSize];
  encode_header(decode_binding(at), parts, again);
  if (!content.starts_with(std::string_view(again, kHintHeaderSize))) {
    return corruption("hint header: a field holds what this version never writes");
  }
  return parts;
}

// Not the entry's own sizes: whoever calls has seen them within bounds.
HintEntry load_entry(const char* at) {
  const auto type_and_key_size = load_le<std::uint32_t>(at + 16);
  return {
      .key = {at + kHintEntryHeadSize, type_and_key_size & kKeySizeMask},
      .sequence = load_le<std::uint64_t>(at),
      .offset = std::uint64_t{load_le<std::uint32_t>(at + 8)} * kRecordAlignment,
      .value_size = load_le<std::uint32_t>(at + 12),
      .type = static_cast<RecordType>(type_and_key_size >> kTypeShift),
  };
}

bool is_possible(const HintEntry& entry, const HintBinding& binding) {
  if (entry.key.size() > kKeySizeMax) return false;
  const bool is_put = entry.type == RecordType::kPut && entry.value_size <= kValueSizeMax;
  const bool is_delete = entry.type == RecordType::kDelete && entry.value_size == 0;
  if (!is_put && !is_delete) return false;
  if (entry.sequence < binding.first_sequence || entry.sequence > binding.last_sequence) {
    return false;
  }
  const std::uint64_t end =
      entry.offset + padded(kRecordHeaderSize + entry.key.size() + entry.value_size);
  return entry.offset >= kSegmentHeaderSize && end <= binding.segment_size;
}

// a < b. Most neighbours differ within their first 8 bytes, or share them and differ soon after:
// comparing those as one number each keeps the pass over millions of entries cheap.
bool is_before(std::string_view a, std::string_view b) {
  if (a.size() >= 8 && b.size() >= 8) {
    const auto head_a = __builtin_bswap64(load_le<std::uint64_t>(a.data()));
    const auto head_b = __builtin_bswap64(load_le<std::uint64_t>(b.data()));
    if (head_a != head_b) return head_a < head_b;
  }
  return a < b;
}

constexpr std::uint64_t kEntriesPerMark = 1024;

Result<void> check_entries(const Parts& parts, const HintBinding& binding,
                           std::vector<std::size_t>& marks) {
  std::string_view previous;  // sorts before every key; an empty one is out of order at once
  std::size_t at = 0;
  std::uint64_t count = 0;
  for (; at < parts.entries.size(); ++count) {
    const std::size_t left = parts.entries.size() - at;
    if (left < kHintEntryHeadSize) break;
    const HintEntry entry = load_entry(parts.entries.data() + at);
    if (left - kHintEntryHeadSize < entry.key.size()) break;
    if (!is_possible(entry, binding)) {
      return corruption(fmt::format("hint entry {}: not of this segment", count));
    }
    if (!is_before(previous, entry.key)) {
      return corruption(fmt::format("hint entry {}: keys out of order", count));
    }
    if (count % kEntriesPerMark == 0) marks.push_back(at);
    previous = entry.key;
    at += kHintEntryHeadSize + entry.key.size();
  }
  if (at != parts.entries.size() || count != parts.count) {
    return corruption(fmt::format("hint: {} entries in {} of {} bytes, its header says {}", count,
                                  at, parts.entries.size(), parts.count));
  }
  return {};
}

}  // namespace

HintBuilder::HintBuilder(const HintBinding& binding)
    : binding_(binding), content_(kHintHeaderSize, '\0') {}

void HintBuilder::add(const HintEntry& entry) {
  KV_CHECK(entry.offset % kRecordAlignment == 0);
  KV_CHECK(entry.offset / kRecordAlignment <= ~std::uint32_t{0});
  KV_CHECK(entry.key.size() <= kKeySizeMax);
  if (count_ > 0) KV_CHECK(std::string_view(content_).substr(last_key_at_) < entry.key);
  const auto type = static_cast<std::uint32_t>(entry.type);
  append_le(content_, entry.sequence);
  append_le(content_, static_cast<std::uint32_t>(entry.offset / kRecordAlignment));
  append_le(content_, entry.value_size);
  append_le(content_, type << kTypeShift | static_cast<std::uint32_t>(entry.key.size()));
  last_key_at_ = content_.size();
  content_.append(entry.key);
  filter_.add(entry.key);
  ++count_;
}

std::string HintBuilder::finish() && {
  const std::string filter = filter_.finish();
  const std::string_view entries = std::string_view(content_).substr(kHintHeaderSize);
  const Parts parts{
      .count = count_,
      .entries = entries,
      .filter = filter,
      .entries_crc = base::crc32c(entries),
      .filter_crc = base::crc32c(filter),
  };
  encode_header(binding_, parts, content_.data());
  content_.append(filter);
  return std::move(content_);
}

Result<HintReader> HintReader::open(std::string_view content) {
  if (auto checked = check_header(content); !checked) {
    return tl::unexpected(std::move(checked).error());
  }
  auto parts = check_parts(content);
  if (!parts) return tl::unexpected(std::move(parts).error());
  HintReader reader;
  reader.binding_ = decode_binding(content.data());
  if (auto checked = check_entries(*parts, reader.binding_, reader.marks_); !checked) {
    return tl::unexpected(std::move(checked).error());
  }
  if (!is_filter_size(parts->filter.size(), parts->count)) {
    return corruption(fmt::format("hint filter: {} bytes cannot serve {} keys",
                                  parts->filter.size(), parts->count));
  }
  reader.count_ = parts->count;
  reader.entries_ = parts->entries;
  reader.filter_ = parts->filter;
  return reader;
}

Result<HintFilterAt> locate_hint_filter(std::string_view header) {
  if (auto checked = check_header(header); !checked) {
    return tl::unexpected(std::move(checked).error());
  }
  const char* at = header.data();
  HintFilterAt found;
  found.binding = decode_binding(at);
  found.offset = kHintHeaderSize + load_le<std::uint64_t>(at + kEntriesSizeAt);
  found.size = load_le<std::uint64_t>(at + kFilterSizeAt);
  found.crc = load_le<std::uint32_t>(at + kFilterCrcAt);
  if (!is_filter_size(found.size, load_le<std::uint64_t>(at + kCountAt))) {
    return corruption(fmt::format("hint header: no filter has {} bytes", found.size));
  }
  return found;
}

std::optional<std::string_view> HintReader::first_key() const {
  if (entries_.empty()) return std::nullopt;
  return load_entry(entries_.data()).key;
}

std::optional<std::string_view> HintReader::last_key() const {
  std::optional<std::string_view> last;
  for (std::size_t at = marks_.empty() ? 0 : marks_.back(); at < entries_.size();) {
    last = load_entry(entries_.data() + at).key;
    at += kHintEntryHeadSize + last->size();
  }
  return last;
}

std::vector<std::string_view> HintReader::sample() const {
  std::vector<std::string_view> keys;
  keys.reserve(marks_.size());
  for (const std::size_t mark : marks_) keys.push_back(load_entry(entries_.data() + mark).key);
  return keys;
}

std::size_t HintReader::seek(std::string_view key) const {
  const auto behind = std::partition_point(marks_.begin(), marks_.end(), [&](std::size_t mark) {
    return load_entry(entries_.data() + mark).key < key;
  });
  std::size_t at = behind == marks_.begin() ? 0 : *std::prev(behind);
  while (at < entries_.size()) {
    const HintEntry entry = load_entry(entries_.data() + at);
    if (entry.key >= key) break;
    at += kHintEntryHeadSize + entry.key.size();
  }
  return at;
}

HintReader HintReader::slice(std::optional<std::string_view> start,
                             std::optional<std::string_view> end) const {
  const std::size_t first = start ? seek(*start) : 0;
  const std::size_t last = end ? seek(*end) : entries_.size();
  HintReader reader;
  reader.binding_ = binding_;
  reader.count_ = count_;
  reader.entries_ = entries_.substr(first, last > first ? last - first : 0);
  reader.filter_ = filter_;
  for (const std::size_t mark : marks_) {
    if (mark >= first && mark < last) reader.marks_.push_back(mark - first);
  }
  return reader;
}

bool HintReader::next(HintEntry& entry) {
  if (at_ == entries_.size()) return false;
  entry = load_entry(entries_.data() + at_);
  at_ += kHintEntryHeadSize + entry.key.size();
  return true;
}

}  // namespace kv::format
