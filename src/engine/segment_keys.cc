#include "engine/segment_keys.h"

namespace kv::engine {

void SegmentKeys::add(const ScannedRecord& record) {
  entries_.push_back({keys_.size(), record.sequence, record.offset,
                      static_cast<std::uint32_t>(record.key.size()), record.value_size,
                      record.type});
  keys_.append(record.key);
  order_.add(record.key);
}

void SegmentKeys::add_damaged(const DamagedRange::Key& key) {
  add({key.key, key.sequence, key.offset, 0, format::RecordType::kPut});
}

std::string SegmentKeys::hint(const format::HintBinding& binding) && {
  // Members of one batch share its sequence; the later one counts, and lies behind.
  order_.sort([this](std::size_t i) { return key_of(entries_[i]); },
              [this](std::size_t a, std::size_t b) {
                if (entries_[a].sequence != entries_[b].sequence) {
                  return entries_[a].sequence < entries_[b].sequence;
                }
                return entries_[a].offset < entries_[b].offset;
              });
  format::HintBuilder builder(binding);
  for (std::size_t i = 0; i < order_.size(); ++i) {
    const Entry& entry = entries_[order_[i]];
    const std::string_view key = key_of(entry);
    const bool is_newest = i + 1 == order_.size() || key != key_of(entries_[order_[i + 1]]);
    if (is_newest) builder.add({key, entry.sequence, entry.offset, entry.value_size, entry.type});
  }
  return std::move(builder).finish();
}

}  // namespace kv::engine
