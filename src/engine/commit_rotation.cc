// Rotation, as the commit pipeline does its part of it: which segments writes have left, and the
// spare they go on with. The rest is SegmentKeeper's.

#include <utility>

#include "base/check.h"
#include "engine/commit_pipeline.h"
#include "engine/planted.h"

namespace kv::engine {

bool CommitPipeline::is_complete(const AppendTarget& target) const {
  if (target.segment == tail_.target().segment) return false;
  // Groups are in log order: if the first to write is of a later segment, so are all.
  return written_groups_ == groups_.size() ||
         groups_[written_groups_]->target.segment != target.segment;
}

void CommitPipeline::retire_complete() {
  while (
      !unsealed_.empty() &&
      (unsealed_.front().last_sequence <= settled_sequence() || is_planted(Bug::kSealBeforeSync)) &&
      is_complete(unsealed_.front().target)) {
    retired_.push_back(std::move(unsealed_.front()));
    unsealed_.erase(unsealed_.begin());
    has_rotation_news_ = true;
  }
}

bool CommitPipeline::wants_spare() const {
  const std::lock_guard lock(mutex_);
  return !spare_ && !failure_ && !is_closed_;
}

void CommitPipeline::give_spare(AppendTarget spare) {
  const std::lock_guard lock(mutex_);
  KV_CHECK(!spare_);
  spare_ = std::move(spare);
}

std::vector<RetiredSegment> CommitPipeline::take_retired() {
  const std::lock_guard lock(mutex_);
  return std::exchange(retired_, {});
}

void CommitPipeline::notify(Lock& lock) {
  const bool has_rotated = std::exchange(has_rotation_news_, false) && on_rotation;
  const bool has_grown = std::exchange(has_log_news_, false) && on_log_news;
  if (!has_rotated && !has_grown) return;
  lock.unlock();
  if (has_rotated) on_rotation();
  if (has_grown) on_log_news();
  lock.lock();
}

void CommitPipeline::retire_active() {
  const std::lock_guard lock(mutex_);
  if (!tail_.has_target() || tail_.offset() == 0 || failure_) return;
  tail_.take_target({});
  open_group_ = nullptr;
  retire_complete();
}

void CommitPipeline::rotate() {
  const std::lock_guard lock(mutex_);
  if (!spare_ || tail_.offset() == 0 || failure_) return;
  tail_.take_target(std::move(*spare_));
  spare_.reset();
  open_group_ = nullptr;
  has_rotation_news_ = true;
  retire_complete();
}

void CommitPipeline::set_segment_size(std::uint64_t size) {
  const std::lock_guard lock(mutex_);
  segment_size_ = size;
}

}  // namespace kv::engine
