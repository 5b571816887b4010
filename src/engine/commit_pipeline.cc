#include "engine/commit_pipeline.h"

#include <algorithm>
#include <thread>

#include <fmt/format.h>

#include "base/check.h"
#include "engine/planted.h"

namespace kv::engine {

namespace {

// A reactor that flushes leaves larger groups to the log's thread: copying them takes milliseconds.
constexpr std::uint64_t kInlineWriteMax = 1024 * 1024;

}  // namespace

Error CommitPipeline::refused_after(const Error& failure) {
  return {
      Errc::kReadOnly,
      fmt::format("an earlier write failed ({}); writes stopped until the store is opened again",
                  describe(failure)),
      failure.cause};
}

CommitPipeline::CommitPipeline(const Settings& settings, Index& index, SegmentTable& table,
                               ValueCache& cache, LogTail tail)
    : settings_(settings),
      index_(index),
      table_(table),
      cache_(cache),
      tail_(std::move(tail)),
      written_sequence_(tail_.last_sequence()),
      synced_sequence_(tail_.last_sequence()),
      segment_size_(settings.segment_size_max),
      applied_sequence_(tail_.last_sequence()),
      sessions_(settings.sessions) {
  if (!settings.is_replicated) return;
  not_leading_ = Error{Errc::kNotLeader, "this node does not lead yet", {}};
  committed_sequence_ = settings.applied_sequence;
  applied_sequence_ = settings.applied_sequence;
  told_sequence_ = tail_.last_sequence();
}

void CommitPipeline::flush(ReadMode mode) {
  Lock lock(mutex_);
  write_groups(lock, mode);
  advance(lock);
  // Who may block helps with the sync it waits for; see help_sync().
  const bool helps = mode == ReadMode::kMayBlock && disk_wanted_ > synced_sequence_;
  if (has_large_write_ || (!helps && needs_sync())) wake_log_thread_.notify_one();
  notify(lock);
}

void CommitPipeline::write_groups(Lock& lock, ReadMode mode) {
  while (!is_writing_ && !failure_ && written_groups_ < groups_.size()) {
    WriteGroup& group = *groups_[written_groups_];
    has_large_write_ = mode == ReadMode::kNoWait && group.buffer.size() > kInlineWriteMax;
    if (has_large_write_) return;
    // Whoever writes zeros where it would go writes it after them.
    const std::uint64_t end = group.offset + group.buffer.size();
    if (prewritten_.is_in_the_way(group.target.segment->id(), end)) return;
    if (&group == open_group_) open_group_ = nullptr;
    is_writing_ = true;
    lock.unlock();
    auto written = group.target.file->write_at(group.offset, group.buffer.pieces());
    lock.lock();
    if (!written) {
      write_failed(lock, group, written.error());
      is_writing_ = false;
      step_done_.notify_all();
      continue;  // with what was submitted while the others were told
    }
    is_writing_ = false;
    Segment& segment = *group.target.segment;
    segment.size = end;
    unsynced_bytes_ += group.buffer.size();
    if (segment.first_sequence == 0) segment.first_sequence = group.sequence_before + 1;
    segment.last_sequence = group.last_sequence;
    segment.records += group.records;
    writes_ += group.records;
    written_sequence_ = group.last_sequence;
    written_groups_ += 1;
    has_log_news_ = true;
    if (is_planted(Bug::kApplyBeforeSync)) {
      for (const Pending& pending : pending_) {
        if (pending.sequence == 0 || pending.sequence > written_sequence_) continue;
        if (pending.changes.empty()) index_.apply({&pending.change, 1}, replaced_);
      }
    }
    if (unsealed_.empty() || unsealed_.back().target.segment != group.target.segment) {
      unsealed_.push_back({group.target, 0, 0});
    }
    unsealed_.back().last_sequence = group.last_sequence;
    unsealed_.back().end_chain = group.chain_after;
    step_done_.notify_all();
  }
}

void CommitPipeline::write_failed(Lock& lock, WriteGroup& group, const Error& error) {
  Error outcome = error;
  if (error.code == Errc::kNoSpace) {
    // Cut off what was written of the group, durably, before anybody hears that nothing was done.
    is_cutting_ = true;
    step_done_.wait(lock, [this] { return !prewritten_.is_under_way(); });
    lock.unlock();
    Result<void> cut;
    if (!is_planted(Bug::kKeepRefusedRecords)) cut = group.target.file->truncate(group.offset);
    if (cut) cut = group.target.file->sync();
    lock.lock();
    is_cutting_ = false;
    if (!cut) outcome = cut.error();
    if (cut) {
      prewritten_.cut(group.target.segment->id(), group.offset);
      tail_.rewind(group);
      forget_uncommitted(tail_.last_sequence());
      open_group_ = nullptr;
      auto failed = take_unwritten(written_sequence_);
      groups_.resize(written_groups_);
      tell_failed(lock, std::move(failed), outcome);
      return;
    }
  }
  outcome.context = fmt::format("{}; the write may survive a restart or not", outcome.context);
  outcome.code = Errc::kUnknownOutcome;
  failure_ = outcome;
  tell_failed(lock, take_unwritten(0), outcome);
}

void CommitPipeline::drive(std::optional<std::chrono::milliseconds> interval) {
  Lock lock(mutex_);
  auto next_sync = std::chrono::steady_clock::now() + interval.value_or(std::chrono::hours(1));
  while (!is_stopped_) {
    write_groups(lock, ReadMode::kMayBlock);
    const bool is_due = interval && std::chrono::steady_clock::now() >= next_sync;
    if (is_due) {
      next_sync = std::chrono::steady_clock::now() + *interval;
      disk_wanted_ = std::max(disk_wanted_, written_sequence_);
    }
    if (needs_sync()) sync_once(lock);
    advance(lock);
    notify(lock);
    const auto has_work = [this] {
      const bool can_write = !is_writing_ && !failure_ && has_large_write_;
      return is_stopped_ || can_write || needs_sync();
    };
    if (has_work()) continue;
    if (interval) {
      wake_log_thread_.wait_until(lock, next_sync, has_work);
    } else {
      wake_log_thread_.wait(lock, has_work);
    }
  }
}

void CommitPipeline::stop() {
  const std::lock_guard lock(mutex_);
  is_stopped_ = true;
  wake_log_thread_.notify_all();
}

void CommitPipeline::close() {
  const std::lock_guard lock(mutex_);
  is_closed_ = true;
}

void CommitPipeline::slow_down(std::chrono::microseconds delay, bool refuses) {
  const std::lock_guard lock(mutex_);
  sync_delay_ = delay;
  refuses_puts_ = refuses;
}

std::vector<CommitPipeline::Pending> CommitPipeline::take_unwritten(std::uint64_t written) {
  std::vector<Pending> taken;
  while (!pending_.empty() && pending_.back().wait_sequence > written) {
    taken.push_back(std::move(pending_.back()));
    pending_.pop_back();
    waiting_for_local_ -= taken.back().may_tell_local ? 1 : 0;
  }
  // What they said of their keys is void; what earlier writes say is looked up again.
  newest_.clear();
  remembered_sequence_ = 0;
  std::reverse(taken.begin(), taken.end());
  return taken;
}

void CommitPipeline::tell_failed(Lock& lock, std::vector<Pending> failed, const Error& error) {
  lock.unlock();
  for (Pending& pending : failed) {
    pending.listener->on_written(pending.tag, tl::unexpected(error));
  }
  lock.lock();
}

std::uint64_t CommitPipeline::synced_sequence() const {
  const std::lock_guard lock(mutex_);
  return synced_sequence_;
}

std::optional<Error> CommitPipeline::failure() const {
  const std::lock_guard lock(mutex_);
  if (failure_) return refused_after(*failure_);
  if (refusal_) return refused_after(*refusal_);
  return std::nullopt;
}

void CommitPipeline::refuse_writes(const Error& cause) {
  const std::lock_guard lock(mutex_);
  if (!refusal_) refusal_ = cause;
}

std::optional<format::SegmentId> CommitPipeline::active() const {
  const std::lock_guard lock(mutex_);
  if (!tail_.has_target()) return std::nullopt;
  return tail_.target().segment->id();
}

}  // namespace kv::engine
