#include "engine/log_marks.h"

#include <algorithm>
#include <iterator>

namespace kv::engine {

std::optional<LogMark> LogMarks::nearest(format::SegmentId id, std::uint64_t sequence) {
  std::optional<LogMark> found;
  if (const auto known = segments_.find(id); known != segments_.end()) {
    OfSegment& segment = known->second;
    segment.last_use = ++uses_;
    const auto after = std::ranges::upper_bound(segment.marks, sequence, {}, &LogMark::sequence);
    if (after != segment.marks.begin()) found = *std::prev(after);
  }
  for (const Stop& stop : stops_) {
    if (stop.id != id || stop.mark.sequence == 0 || stop.mark.sequence > sequence) continue;
    if (!found || stop.mark.sequence > found->sequence) found = stop.mark;
  }
  return found;
}

std::optional<LogMark> LogMarks::behind(format::SegmentId id, std::uint64_t sequence) const {
  for (const Stop& stop : stops_) {
    const LogMark& mark = stop.mark;
    if (stop.id == id && mark.sequence == sequence + 1) return mark;
  }
  return std::nullopt;
}

void LogMarks::begin(format::SegmentId id, const LogMark& mark) {
  OfSegment& segment = segments_[id];
  if (!segment.marks.empty()) return;
  segment.marks.push_back(mark);
  segment.last_use = ++uses_;
  bound(segment);
}

std::uint64_t LogMarks::due(format::SegmentId id) const {
  const auto known = segments_.find(id);
  if (known == segments_.end()) return UINT64_MAX;
  return known->second.marks.back().offset + known->second.interval;
}

std::uint64_t LogMarks::add(format::SegmentId id, const LogMark& mark) {
  const auto known = segments_.find(id);
  if (known == segments_.end() || mark.offset < due(id)) return due(id);
  known->second.marks.push_back(mark);
  bound(known->second);
  return due(id);
}

void LogMarks::add_stop(format::SegmentId id, const LogMark& mark) {
  const bool is_known = std::ranges::any_of(stops_, [&](const Stop& stop) {
    return stop.id == id && stop.mark.sequence == mark.sequence;
  });
  if (is_known) return;
  stops_[next_stop_] = {id, mark};
  next_stop_ = (next_stop_ + 1) % stops_.size();
}

std::size_t LogMarks::size() const {
  std::size_t size = 0;
  for (const auto& [id, segment] : segments_) size += segment.marks.size();
  return size;
}

void LogMarks::bound(OfSegment& used) {
  while (size() > marks_max_ && segments_.size() > 1) {
    auto oldest = segments_.end();
    for (auto at = segments_.begin(); at != segments_.end(); ++at) {
      if (&at->second == &used) continue;
      if (oldest == segments_.end() || at->second.last_use < oldest->second.last_use) oldest = at;
    }
    for (Stop& stop : stops_) {
      if (stop.id == oldest->first) stop = {};  // who goes on there makes marks again
    }
    segments_.erase(oldest);
  }
  if (size() <= marks_max_) return;
  std::vector<LogMark>& marks = used.marks;
  const std::size_t kept = (marks.size() + 1) / 2;
  for (std::size_t i = 0; i < kept; ++i) marks[i] = marks[2 * i];
  marks.resize(kept);
  used.interval *= 2;
}

void LogMarks::forget_from(std::uint64_t sequence) {
  for (auto at = segments_.begin(); at != segments_.end();) {
    std::vector<LogMark>& marks = at->second.marks;
    const auto first = std::ranges::lower_bound(marks, sequence, {}, &LogMark::sequence);
    marks.erase(first, marks.end());
    at = marks.empty() ? segments_.erase(at) : std::next(at);
  }
  for (Stop& stop : stops_) {
    if (stop.mark.sequence >= sequence) stop = {};
  }
}

}  // namespace kv::engine
