#include "engine/tombstone_rule.h"

#include <algorithm>

#include "engine/planted.h"
#include "engine/segment_load.h"
#include "format/filter.h"

namespace kv::engine {

bool TombstoneRule::may_drop(std::string_view key, std::uint64_t sequence) {
  if (is_planted(Bug::kDropTombstoneEarly)) return true;
  if (!loaded_) load();
  for (const Other& other : *loaded_) {
    if (other.first_sequence > sequence) return true;  // and so do those behind
    if (!other.filter || format::filter_may_contain(*other.filter, key)) return false;
  }
  return true;
}

void TombstoneRule::load() {
  loaded_.emplace();
  const format::ManifestState state = dir_.manifest().state();
  for (const auto& segment : others_) {
    if (segment->records == 0 && segment->is_sealed) continue;
    Other other;
    other.first_sequence = segment->first_sequence;
    if (segment->is_sealed && !segment->is_damaged) {
      if (const auto found = state.segments.find(segment->id()); found != state.segments.end()) {
        auto filter = read_hint_filter(dir_, found->second);
        if (filter) other.filter = std::move(*filter);
      }
    }
    // Not written to yet: nothing in it can be older.
    if (other.first_sequence == 0) continue;
    loaded_->push_back(std::move(other));
  }
  std::ranges::sort(*loaded_, {}, &Other::first_sequence);
}

}  // namespace kv::engine
