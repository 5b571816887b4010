#include "engine/prewritten_space.h"

#include <algorithm>

#include "base/check.h"

namespace kv::engine {

std::optional<PrewrittenSpace::Range> PrewrittenSpace::begin(const Log& log) {
  // Of the room that is left: puts must find the rest.
  constexpr std::uint64_t kShareOfRoom = 8;
  KV_CHECK(!under_way_);
  if (segment_ != log.segment) {
    segment_ = log.segment;
    end_ = 0;
    is_given_up_ = false;
  }
  if (is_given_up_ || log.unsynced > kUnsyncedMax) return std::nullopt;
  const std::uint64_t step = std::min(log.end, kStepMax);
  if (end_ > log.end && end_ - log.end >= step / 4) return std::nullopt;
  const std::uint64_t wanted = (log.end + step + kBlock - 1) / kBlock * kBlock;
  const Range range{std::max(end_, log.end), std::min(wanted, log.end_max)};
  if (range.end <= range.begin) return std::nullopt;
  if (range.end - range.begin > log.room / kShareOfRoom) return std::nullopt;
  under_way_ = range;
  return range;
}

void PrewrittenSpace::finish(bool is_done) {
  KV_CHECK(under_way_);
  if (is_done) end_ = under_way_->end;
  is_given_up_ = !is_done;
  under_way_.reset();
}

bool PrewrittenSpace::is_in_the_way(format::SegmentId segment, std::uint64_t end) const {
  return under_way_ && segment_ == segment && end > under_way_->begin;
}

void PrewrittenSpace::cut(format::SegmentId segment, std::uint64_t size) {
  KV_CHECK(!under_way_);
  if (segment_ == segment) end_ = std::min(end_, size);
}

}  // namespace kv::engine
