// The apply step of the commit pipeline: what is written, and durable where that is asked for,
// changes the index, is visible, and is acknowledged.

#include <algorithm>
#include <iterator>

#include "engine/commit_pipeline.h"
#include "engine/key_hash.h"
#include "engine/planted.h"

namespace kv::engine {

namespace {

// Applied in one go; a snapshot waits no longer than that.
constexpr std::size_t kApplyMax = 256;
constexpr std::size_t kReadyMax = 4096;  // and acknowledged
constexpr std::size_t kIdleGroupsMax = 4;

}  // namespace

bool CommitPipeline::is_ready(const Pending& pending) const {
  return pending.wait_sequence <= std::min(written_sequence_, committed_sequence_) &&
         (!pending.needs_disk || pending.wait_sequence <= synced_sequence_ ||
          is_planted(Bug::kAcknowledgeBeforeSync));
}

// False: nothing is.
bool CommitPipeline::take_ready() {
  const auto end_max =
      pending_.begin() + static_cast<std::ptrdiff_t>(std::min(pending_.size(), kReadyMax));
  const auto end = std::find_if_not(pending_.begin(), end_max,
                                    [this](const Pending& one) { return is_ready(one); });
  if (end == pending_.end()) {
    ready_.swap(pending_);
  } else {
    ready_.assign(std::move_iterator(pending_.begin()), std::move_iterator(end));
    pending_.erase(pending_.begin(), end);
  }
  return !ready_.empty();
}

void CommitPipeline::advance(Lock& lock) {
  if (waiting_for_local_ > 0) tell_local(lock);
  if (is_applying_) return;  // who is at it goes on until nothing is ready
  is_applying_ = true;
  while (take_ready()) {
    lock.unlock();
    for (std::span<const Pending> rest = ready_; !rest.empty();) {
      const auto some = rest.first(std::min(rest.size(), kApplyMax));
      const std::lock_guard applying(apply_mutex_);
      apply(some);
      rest = rest.subspan(some.size());
    }
    lock.lock();
    for (const Pending& pending : ready_) {
      if (pending.sequence <= remembered_sequence_) forget(pending);
      waiting_for_local_ -= pending.may_tell_local ? 1 : 0;
      if (pending.begun.time_since_epoch().count() != 0) note_latency(pending.begun);
    }
    release_groups();
    ready_.swap(told_);
    lock.unlock();
    for (Pending& pending : told_) {
      pending.listener->on_written(pending.tag, std::move(pending.result));
    }
    told_.clear();
    if (told_.capacity() > kReadyMax) told_.shrink_to_fit();
    lock.lock();
    has_log_news_ = true;
  }
  is_applying_ = false;
  step_done_.notify_all();
}

// Many writes under one hold of the index's lock; each is visible as a whole or not at all.
void CommitPipeline::apply(std::span<const Pending> ready) {
  while (!ready.empty()) {
    std::size_t count = 0;
    changes_.clear();
    while (count < ready.size() && changes_.size() < Index::kTogetherMax) {
      const Pending& next = ready[count];
      const auto changes = next.all_changes();
      changes_.insert(changes_.end(), changes.begin(), changes.end());
      count += 1;
      if (next.is_compare) break;
    }
    apply_together(ready.first(count));
    if (ready[count - 1].is_compare && on_compare) on_compare(applied_sequence());
    ready = ready.subspan(count);
  }
}

void CommitPipeline::apply_together(std::span<const Pending> some) {
  hashes_.clear();
  for (const Pending& pending : some) {
    if (cache_.is_on() && pending.is_cached()) hashes_.push_back(hash_key(pending.change.key));
  }
  cache_.prefetch_slots(hashes_);
  replaced_.clear();
  index_.apply(changes_, replaced_);
  count_applied(some);
  // A reply waits for what was in the log before it.
  applied_sequence_.store(some.back().wait_sequence, std::memory_order_release);
  if (hashes_.empty()) return;
  auto hash = hashes_.begin();
  for (const Pending& pending : some) {
    if (!pending.is_cached()) continue;
    cache_.add_written(*hash++, pending.change.place, pending.value, pending.sequence);
  }
}

// What `replaced_` says of the changes of `applied`.
void CommitPipeline::count_applied(std::span<const Pending> applied) {
  std::size_t at = 0;
  for (const Pending& pending : applied) {
    for (const KeyChange& change : pending.all_changes()) {
      Segment& segment = *pending.segment;
      if (change.is_delete) {
        segment.delete_bytes += change.place.size_hint();
      } else {
        segment.live_bytes += static_cast<std::int64_t>(change.place.size_hint());
      }
      if (is_reserved_key(change.key)) count_session(change, replaced_[at]);
      count_dead(replaced_[at++], segment);
    }
  }
}

void CommitPipeline::count_session(const KeyChange& change, Place replaced) {
  const bool was_there = replaced != Place();
  if (was_there && change.is_delete) sessions_ -= 1;
  if (!was_there && !change.is_delete) sessions_ += 1;
}

void CommitPipeline::note_latency(std::chrono::steady_clock::time_point begun) {
  constexpr std::int64_t kGroups = 32;
  const std::int64_t took =
      std::chrono::nanoseconds(std::chrono::steady_clock::now() - begun).count();
  const std::int64_t mean = write_latency_ns_.load(std::memory_order_relaxed);
  write_latency_ns_.store(mean + (took - mean) / kGroups, std::memory_order_relaxed);
}

std::chrono::microseconds CommitPipeline::write_latency() const {
  return std::chrono::duration_cast<std::chrono::microseconds>(
      std::chrono::nanoseconds(write_latency_ns_.load(std::memory_order_relaxed)));
}

void CommitPipeline::count_dead(Place replaced, Segment& newer) {
  if (replaced == Place()) return;
  const auto size = static_cast<std::int64_t>(replaced.size_hint());
  if (replaced.slot() == newer.slot()) {
    newer.live_bytes -= size;
  } else if (auto other = table_.find(replaced.slot())) {
    other->live_bytes -= size;
  }
}

void CommitPipeline::release_groups() {
  const std::uint64_t applied = applied_sequence();
  while (written_groups_ > 0 && groups_.front()->last_sequence <= applied) {
    if (idle_groups_.size() < kIdleGroupsMax) {
      groups_.front()->buffer.clear();
      groups_.front()->target = {};
      idle_groups_.push_back(std::move(groups_.front()));
    }
    groups_.pop_front();
    written_groups_ -= 1;
  }
}

void CommitPipeline::forget(const Pending& pending) {
  const auto forget_key = [&](const KeyChange& change) {
    const auto found = newest_.find(change.key);
    if (found != newest_.end() && found->second.sequence == pending.sequence) newest_.erase(found);
  };
  for (const KeyChange& change : pending.all_changes()) forget_key(change);
}

Index::Snapshot CommitPipeline::snapshot(const std::function<void()>& pin) const {
  const std::lock_guard applying(apply_mutex_);
  pin();
  return index_.snapshot(applied_sequence());
}

}  // namespace kv::engine
