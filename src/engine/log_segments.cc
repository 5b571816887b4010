#include "engine/log_segments.h"

#include <algorithm>
#include <iterator>

#include <fmt/format.h>

namespace kv::engine {

namespace {

bool is_begun(const Segment& segment) {
  const std::uint64_t first = segment.first_sequence;
  return first != 0 && segment.last_sequence >= first;
}

}  // namespace

Result<std::shared_ptr<Segment>> LogSegments::find(std::uint64_t sequence) {
  const List list = table_.all();
  if (listed_.lock() != list) list_again(list);
  take_begun(list);
  const auto after = std::ranges::upper_bound(entries_, sequence, {}, &Entry::first_sequence);
  if (after != entries_.begin()) {
    const auto& segment = (*list)[std::prev(after)->index];
    if (segment->last_sequence >= sequence) return segment;
  }
  const auto behind = static_cast<std::size_t>(std::distance(entries_.begin(), after));
  return tl::unexpected(not_there(sequence, behind, list));
}

void LogSegments::list_again(const List& list) {
  entries_.clear();
  empty_.clear();
  for (std::size_t i = 0; i < list->size(); ++i) {
    if ((*list)[i]->kind() == format::SegmentKind::kLog) empty_.push_back(i);
  }
  listed_ = list;
}

void LogSegments::take_begun(const List& list) {
  const auto moved = std::partition(empty_.begin(), empty_.end(),
                                    [&](std::size_t index) { return !is_begun(*(*list)[index]); });
  if (moved == empty_.end()) return;
  for (auto at = moved; at != empty_.end(); ++at) {
    entries_.push_back({(*list)[*at]->first_sequence, *at});
  }
  empty_.erase(moved, empty_.end());
  std::ranges::sort(entries_, {}, &Entry::first_sequence);
}

Error LogSegments::not_there(std::uint64_t sequence, std::size_t after, const List& list) const {
  std::string there = "which is empty";
  if (after < entries_.size()) {
    there = fmt::format("whose first record behind it is {}", entries_[after].first_sequence);
  } else if (after > 0) {
    const std::uint64_t last = (*list)[entries_[after - 1].index]->last_sequence;
    there = fmt::format("whose last record is {}", last);
  }
  return Error{
      Errc::kInvalidArgument, fmt::format("record {} is not in the log, {}", sequence, there), {}};
}

}  // namespace kv::engine
