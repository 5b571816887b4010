// The durable step of the commit pipeline: who syncs, what, and the zeros it writes ahead.

#include <algorithm>
#include <array>
#include <thread>

#include <fmt/format.h>

#include "base/check.h"
#include "engine/commit_pipeline.h"
#include "engine/planted.h"

namespace kv::engine {

namespace {

constexpr char kZeros[PrewrittenSpace::kBlock] = {};

// In pieces: a file takes one write at a time, and those of writers come in between.
Result<void> write_zeros(io::File& file, PrewrittenSpace::Range range) {
  constexpr std::size_t kBlocks = 64;
  std::array<std::string_view, kBlocks> blocks;
  while (range.begin < range.end) {
    std::uint64_t at = range.begin;
    std::size_t count = 0;
    for (; count < kBlocks && at < range.end; ++count) {
      blocks[count] = std::string_view(kZeros, std::min(sizeof kZeros, range.end - at));
      at += blocks[count].size();
    }
    if (auto done = file.write_at(range.begin, {blocks.data(), count}); !done) return done;
    range.begin = at;
  }
  return {};
}

}  // namespace

bool CommitPipeline::needs_sync() const {
  if (failure_ || is_syncing_ || is_rolling_back_) return false;
  if (written_sequence_ == synced_sequence_) return false;
  // A segment that was left behind is synced so that it can be sealed.
  return disk_wanted_ > synced_sequence_ || is_complete(unsealed_.front().target);
}

// Failing is no harm: the file grows with what is written to it, then.
void CommitPipeline::prewrite(Lock& lock) {
  const std::uint64_t unsynced = std::exchange(unsynced_bytes_, 0);
  const bool is_wanted = std::exchange(is_disk_asked_, false);
  if (!is_wanted || is_cutting_ || !tail_.has_target()) return;
  const AppendTarget target = tail_.target();
  if (target.segment->size == 0) return;  // it may never be written to
  auto range =
      prewritten_.begin({target.segment->id(), tail_.offset(), segment_size_, unsynced, put_room_});
  if (!range) return;
  if (put_room_ != UINT64_MAX) put_room_ -= range->end - range->begin;
  if (is_planted(Bug::kZerosOverRecords)) range->begin -= format::kRecordAlignment;
  lock.unlock();
  const auto done = write_zeros(*target.file, *range);
  lock.lock();
  prewritten_.finish(done.has_value());
  step_done_.notify_all();
  write_groups(lock, ReadMode::kMayBlock);  // what they were in the way of
}

void CommitPipeline::sync_once(Lock& lock) {
  KV_CHECK(!is_syncing_);
  is_syncing_ = true;
  prewrite(lock);
  if (failure_) {  // of what had to wait for the zeros
    is_syncing_ = false;
    step_done_.notify_all();
    return;
  }
  const std::uint64_t target = written_sequence_;
  std::vector<std::shared_ptr<io::File>> files;
  for (const RetiredSegment& entry : unsealed_) {
    if (entry.last_sequence > synced_sequence_) files.push_back(entry.target.file);
  }
  const auto delay = sync_delay_;
  lock.unlock();
  if (delay.count() > 0) std::this_thread::sleep_for(delay);
  Result<void> done;
  for (const auto& file : files) {
    if (done) done = file->sync();
  }
  lock.lock();
  is_syncing_ = false;
  if (!done && !is_planted(Bug::kForgetFailedSync)) {
    Error outcome = done.error();
    outcome.context = fmt::format("{}; the write may survive a restart or not", outcome.context);
    outcome.code = Errc::kUnknownOutcome;
    failure_ = outcome;
    tell_failed(lock, take_unwritten(0), outcome);
    step_done_.notify_all();
    return;
  }
  syncs_ += 1;
  synced_sequence_ = std::max(synced_sequence_, target);
  has_log_news_ = true;
  retire_complete();
  step_done_.notify_all();
}

void CommitPipeline::hand_over_sync() {
  const std::lock_guard lock(mutex_);
  if (needs_sync()) wake_log_thread_.notify_one();
}

void CommitPipeline::help_sync() {
  Lock lock(mutex_);
  if (needs_sync() && disk_wanted_ > synced_sequence_) {
    sync_once(lock);
    advance(lock);
    if (needs_sync()) wake_log_thread_.notify_one();
  }
  notify(lock);
}

Result<void> CommitPipeline::sync() {
  Lock lock(mutex_);
  const std::uint64_t target = tail_.last_sequence();
  disk_wanted_ = std::max(disk_wanted_, target);
  // A full disk takes back what was not written; the end may fall.
  const auto is_behind = [&] {
    return !failure_ && synced_sequence_ < std::min(target, tail_.last_sequence());
  };
  while (is_behind()) {
    write_groups(lock, ReadMode::kMayBlock);
    if (needs_sync()) {
      sync_once(lock);
    } else if (is_behind()) {
      step_done_.wait(lock);
    }
  }
  advance(lock);
  // Another thread may still be telling writers; when we return all of them know.
  step_done_.wait(lock, [this] { return !is_applying_; });
  // Whoever wrote meanwhile saw a sync under way and left its own to us.
  if (needs_sync()) wake_log_thread_.notify_one();
  notify(lock);
  if (failure_) return tl::unexpected(*failure_);
  return {};
}

}  // namespace kv::engine
