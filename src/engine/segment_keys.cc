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
  add({key.key, key.sequence, key.offset, key.value_size, format::RecordType::kPut});
}

// In order they lie anywhere in memory: first an entry is fetched ahead, then its key.
void SegmentKeys::prefetch(std::size_t i) const {
  constexpr std::size_t kAhead = 8;
  if (i + 2 * kAhead >= order_.size()) return;
  __builtin_prefetch(&entries_[order_[i + 2 * kAhead]]);
  __builtin_prefetch(keys_.data() + entries_[order_[i + kAhead]].key_at);
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
    prefetch(i);
    const bool is_newest = !order_.may_equal_next(i) || key != key_of(entries_[order_[i + 1]]);
    if (is_newest) builder.add({key, entry.sequence, entry.offset, entry.value_size, entry.type});
  }
  return std::move(builder).finish();
}

}  // namespace kv::engine
