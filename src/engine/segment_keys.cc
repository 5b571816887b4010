#include "engine/segment_keys.h"

#include <algorithm>
#include <cstring>

namespace kv::engine {

std::uint64_t key_prefix(std::string_view key) {
  unsigned char bytes[8] = {};
  std::memcpy(bytes, key.data(), std::min<std::size_t>(key.size(), sizeof bytes));
  std::uint64_t prefix = 0;
  for (const unsigned char byte : bytes) prefix = prefix << 8 | byte;
  return prefix;
}

void SegmentKeys::add(const ScannedRecord& record) {
  entries_.push_back({key_prefix(record.key), keys_.size(), record.sequence, record.offset,
                      static_cast<std::uint32_t>(record.key.size()), record.value_size,
                      record.type});
  keys_.append(record.key);
}

void SegmentKeys::add_damaged(const DamagedRange::Key& key) {
  add({key.key, key.sequence, key.offset, 0, format::RecordType::kPut});
}

std::string SegmentKeys::hint(const format::HintBinding& binding) && {
  // Members of one batch share its sequence; the later one counts, and lies behind.
  std::sort(entries_.begin(), entries_.end(), [this](const Entry& a, const Entry& b) {
    if (a.prefix != b.prefix) return a.prefix < b.prefix;
    if (const int order = key_of(a).compare(key_of(b)); order != 0) return order < 0;
    if (a.sequence != b.sequence) return a.sequence < b.sequence;
    return a.offset < b.offset;
  });
  format::HintBuilder builder(binding);
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    const Entry& entry = entries_[i];
    const bool is_newest = i + 1 == entries_.size() || entry.prefix != entries_[i + 1].prefix ||
                           key_of(entry) != key_of(entries_[i + 1]);
    if (!is_newest) continue;
    builder.add({key_of(entry), entry.sequence, entry.offset, entry.value_size, entry.type});
  }
  return std::move(builder).finish();
}

}  // namespace kv::engine
