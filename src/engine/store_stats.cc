// What the store says of itself.

#include <algorithm>

#include "engine/keep_rule.h"
#include "engine/store_impl.h"

namespace kv {

namespace {

SegmentStats stats_of(const engine::Segment& segment) {
  SegmentStats one;
  one.id = format::number(segment.id());
  one.is_merged = segment.kind() == format::SegmentKind::kMerged;
  one.bytes = segment.size;
  one.records = segment.records;
  one.live_bytes = static_cast<std::uint64_t>(std::max<std::int64_t>(0, segment.live_bytes));
  one.first_version = segment.first_sequence;
  one.last_version = segment.last_sequence;
  one.dead_bytes = engine::dead_bytes(segment);
  return one;
}

}  // namespace

void StoreImpl::add_segments(Stats& stats) const {
  const auto active = pipeline_->active();
  const auto segments = table_.all();
  const engine::KeepContext context{pipeline_->applied_sequence(), engine::log_end(*segments),
                                    merger_->log_floor()};
  for (const auto& segment : *segments) {
    SegmentStats one = stats_of(*segment);
    one.is_active = active == segment->id();
    one.kept_because = text_of(keep_rule(*segment, one.is_active, context));
    stats.segments.push_back(std::move(one));
  }
  for (const auto& segment : table_.held()) {
    SegmentStats one = stats_of(*segment);
    one.live_bytes = 0;
    one.dead_bytes = one.bytes;
    one.kept_because = "it was merged, and a snapshot may still read it";
    stats.segments.push_back(std::move(one));
  }
  std::ranges::sort(stats.segments, {}, &SegmentStats::id);
  for (const SegmentStats& one : stats.segments) {
    stats.disk_bytes += one.bytes;
    stats.live_bytes += one.live_bytes;
  }
}

Stats StoreImpl::stats() const {
  Stats stats;
  const engine::IndexMemory memory = index_.memory();
  const std::uint64_t entries = index_.size();
  stats.sessions = std::min(pipeline_->sessions(), entries);
  stats.keys = entries - stats.sessions;
  stats.key_bytes = memory.key_bytes;
  stats.index_bytes = memory.total_bytes;
  if (stats.keys > 0) {
    stats.index_bytes_per_key = static_cast<double>(memory.total_bytes - memory.key_bytes) /
                                static_cast<double>(stats.keys);
  }
  add_segments(stats);
  stats.open_segment_files = table_.open_files();
  stats.snapshots = index_.snapshots();
  stats.last_version = pipeline_->applied_sequence();
  stats.synced_version = pipeline_->synced_sequence();
  stats.writes = pipeline_->writes();
  stats.syncs = pipeline_->syncs();
  stats.reads_deferred = reads_deferred_;
  const auto cache = cache_.use();
  stats.cache = {cache.hits, cache.misses, cache.bytes, cache.bytes_max};
  stats.is_read_only = pipeline_->failure().has_value();
  stats.recovery = recovery_;
  stats.merge = merger_->stats();
  stats.scrub = scrubber_->stats();
  stats.space = space_watch_->stats();
  stats.merge.space_target = options_.space_target;
  stats.merge.is_automatic = options_.merges_automatically;
  return stats;
}

}  // namespace kv
