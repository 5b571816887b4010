#include "engine/merger.h"

#include <algorithm>
#include <malloc.h>
#include <thread>
#include <utility>

#include <fmt/format.h>

#include "base/thread.h"
#include "engine/keep_rule.h"

namespace kv::engine {

namespace {

constexpr std::chrono::milliseconds kTick{100};
// Log segments get smaller than segment_size_max while the data is small, so that a merge of one
// does not need a large part of the disk beside it.
constexpr std::uint64_t kSegmentsPerLive = 16;
constexpr std::uint64_t kSegmentSizeMin = 8 * 1024 * 1024;

// Requests go first on a processor that both want, more often than not. No lower: on a machine that
// is busy otherwise, a merge that hardly ever runs keeps the index's lock for as long.
constexpr int kNice = 5;

}  // namespace

Merger::Merger(const Settings& settings, const MergeContext& context, SegmentKeeper& keeper)
    : settings_(settings),
      context_(context),
      keeper_(keeper),
      log_floor_(settings.log_floor.value_or(UINT64_MAX)),
      budget_(settings.budget),
      checkpoint_turn_(settings.checkpoint_records_min) {}

MergeUse Merger::use() const {
  MergeUse use;
  const SegmentTable::List segments = context_.table.all();  // outlives the loop
  for (const auto& segment : *segments) {
    // What no merge may have can neither be given back nor be a reason to try.
    const bool is_log = segment->kind() == format::SegmentKind::kLog;
    if (is_log && segment->last_sequence > log_floor_ && settings_.log_floor) continue;
    use.total_bytes += segment->size;
    use.live_bytes += static_cast<std::uint64_t>(std::max<std::int64_t>(0, segment->live_bytes));
  }
  use.live_bytes = std::min(use.live_bytes, use.total_bytes);
  return use;
}

std::uint64_t Merger::segment_size(const MergeUse& now) const {
  const std::uint64_t wanted = std::max(now.live_bytes / kSegmentsPerLive, kSegmentSizeMin);
  return std::min(wanted, settings_.segment_size_max);
}

void Merger::look_around() {
  remove_unused();
  tick();
  give_memory_back();
}

void Merger::tick() {
  context_.index.forget_some();
  adapt(use());
}

void Merger::adapt(const MergeUse& now) {
  const std::lock_guard lock(mutex_);
  adapted_at_ = MergeBudget::Clock::now();
  budget_.note_use(now);
  budget_.note_latency(context_.pipeline.write_latency(), stats_.state == MergeState::kMerging);
  stats_.debt = budget_.debt();
  context_.pipeline.set_segment_size(segment_size(now));
  // Who paused merges has chosen to let the disk fill.
  const bool is_helpful = settings_.is_automatic && !is_paused_;
  context_.pipeline.slow_down(is_helpful ? budget_.write_delay() : std::chrono::microseconds(0),
                              is_helpful && budget_.refuses_writes());
}

// The allocator keeps what the index has freed; after a large deletion it is told to let go.
void Merger::give_memory_back() {
  constexpr std::uint64_t kWorthIt = 16 * 1024 * 1024;
  const std::uint64_t bytes = context_.index.memory().total_bytes;
  index_peak_ = std::max(index_peak_, bytes);
  if (index_peak_ - bytes < std::max(kWorthIt, index_peak_ / 4)) return;
  index_peak_ = bytes;
  ::malloc_trim(0);
}

void Merger::remove_unused() {
  // Who comes second returns when the files are gone, too.
  const std::lock_guard removing(removing_);
  for (const format::SegmentId id : context_.table.take_unused()) {
    // What cannot be removed now is not listed any more: the next open removes it.
    [[maybe_unused]] const auto segment = context_.dir.fs().remove(context_.dir.segment_path(id));
    const std::string hint = context_.dir.hint_path(id);
    const auto has_hint = context_.dir.fs().exists(hint);
    if (has_hint && *has_hint) [[maybe_unused]]
      const auto done = context_.dir.fs().remove(hint);
  }
}

void Merger::run() {
  for (;;) {
    look_around();
    // Both end with a sync of the log, which after a failed one is refused until the next open.
    const bool is_automatic = settings_.is_automatic && !context_.pipeline.failure();
    bool wants_merge = false;
    {
      std::unique_lock lock(mutex_);
      wants_merge = is_automatic && !is_paused_ && (budget_.wants_merge() || is_disk_full_);
      if (!wants_merge) changed_.wait_for(lock, kTick, [this] { return is_stopped_; });
      if (is_stopped_) return;
    }
    if (!wants_merge) {
      // One that fails is tried again later; until then hints do.
      // In a cluster hints do: a checkpoint relies on what is applied.
      if (is_automatic && !settings_.log_floor && is_checkpoint_due()) [[maybe_unused]]
        const auto done = checkpoint();
      continue;
    }
    MergeReport total;
    MergeChoice choice{segment_size(use()), context_.pipeline.applied_sequence()};
    choice.log_floor = log_floor_;
    auto merged = merge_once(choice, UINT64_MAX, total);
    if (merged && *merged) continue;
    std::unique_lock lock(mutex_);
    choice.takes_little = merged && is_disk_full_;
    if (choice.takes_little) {
      lock.unlock();
      merged = merge_once(choice, UINT64_MAX, total);
      if (merged && *merged) continue;
      lock.lock();
    }
    // Nothing to gain at the moment, or no room: look again later.
    changed_.wait_for(lock, 10 * kTick, [this] { return is_stopped_; });
    if (is_stopped_) return;
  }
}

void Merger::stop() {
  const std::lock_guard lock(mutex_);
  is_stopped_ = true;
  changed_.notify_all();
}

void Merger::set_disk_full(bool is_full) {
  const std::lock_guard lock(mutex_);
  is_disk_full_ = is_full;
  changed_.notify_all();
}

void Merger::pause() {
  const std::lock_guard lock(mutex_);
  is_paused_ = true;
}

void Merger::resume() {
  const std::lock_guard lock(mutex_);
  is_paused_ = false;
  changed_.notify_all();
}

void Merger::stop_on_demand() {
  const std::lock_guard lock(mutex_);
  ends_on_demand_ = stats_.is_on_demand;
  changed_.notify_all();
}

bool Merger::go_on(std::uint64_t bytes) {
  std::unique_lock lock(mutex_);
  stats_.bytes_done += bytes;
  // In pieces, for meanwhile more may be wanted than when the wait began.
  while (!is_over()) {
    if (MergeBudget::Clock::now() - adapted_at_ >= kTick) {
      lock.unlock();
      tick();
      lock.lock();
    }
    stats_.rate = merge_rate();
    const auto wait =
        budget_.wait_after(std::exchange(bytes, 0), stats_.rate, MergeBudget::Clock::now());
    // Who asks for a merge does not wait for a paused one to go on.
    const bool is_held = is_paused_ && !stats_.is_on_demand;
    if (!is_held && wait == MergeBudget::Clock::duration::zero()) break;
    const auto piece = is_held ? MergeBudget::Clock::duration(kTick) : wait;
    changed_.wait_for(lock, std::min<MergeBudget::Clock::duration>(piece, kTick),
                      [this] { return is_over(); });
  }
  return !is_over();
}

// The system makes some 70 us of it, which is enough to wake who waits.
void Merger::make_way() { std::this_thread::sleep_for(std::chrono::microseconds(20)); }

std::uint64_t Merger::merge_rate() const {
  if (stats_.is_on_demand) return stats_.rate_max;
  return is_disk_full_ ? settings_.budget.rate_max : budget_.rate();
}

Result<MergeReport> Merger::merge_all(std::uint64_t rate_max) {
  {
    const std::lock_guard lock(mutex_);
    stats_.is_on_demand = true;
    stats_.rate_max = rate_max;
    ends_on_demand_ = false;
    changed_.notify_all();
  }
  MergeReport total;
  Result<bool> merged;
  // What is in the active segment counts, too, but for a cluster's; to go on elsewhere, writes need
  // a spare.
  if (auto made = keeper_.work(); !made) merged = tl::unexpected(made.error());
  if (!settings_.log_floor) context_.pipeline.rotate();
  if (auto synced = context_.pipeline.sync(); !synced) merged = tl::unexpected(synced.error());
  if (merged) {
    if (auto sealed = keeper_.work(); !sealed) merged = tl::unexpected(sealed.error());
  }
  const std::uint64_t id_max = context_.dir.manifest().state().next_segment;
  expect_work();
  bool goes_on = merged.has_value();
  while (goes_on) {
    // More at once than by itself: who asked is in no hurry for room, and scans gain by it. What
    // makes one run, where records are not tiny.
    constexpr std::uint64_t kTogether = MergeRun::kBytesMax / 4 * 3;
    const std::uint64_t live_max =
        std::max(segment_size(use()), std::min(kTogether, settings_.segment_size_max));
    merged = merge_once({live_max, context_.pipeline.applied_sequence(), true, false, log_floor_},
                        id_max, total);
    remove_unused();
    goes_on = merged && *merged && !total.was_stopped;
  }
  const std::lock_guard lock(mutex_);
  stats_.is_on_demand = false;
  stats_.rate_max = 0;
  stats_.bytes_total = 0;
  stats_.bytes_done = 0;
  total.was_stopped = std::exchange(ends_on_demand_, false);
  if (!merged) return tl::unexpected(std::move(merged).error());
  if (is_stopped_) return tl::unexpected(Error{Errc::kClosed, "the store is closed", {}});
  return total;
}

void Merger::expect_work() {
  const auto segments = context_.table.all();
  const KeepContext keep{context_.pipeline.applied_sequence(), log_end(*segments), log_floor_};
  std::uint64_t bytes = 0;
  for (const auto& segment : *segments) {
    if (is_mergeable(keep_rule(*segment, false, keep)) && dead_bytes(*segment) > 0) {
      bytes += segment->size;
    }
  }
  const std::lock_guard lock(mutex_);
  stats_.bytes_total = 2 * bytes;
  stats_.bytes_done = 0;
}

void Merger::tell_trouble(std::string_view name, const Error& error, std::string_view action,
                          std::string& told) const {
  std::string trouble = describe(error);
  const bool is_news = trouble != told;
  told = std::move(trouble);
  if (!is_news || context_.listener == nullptr) return;
  context_.listener->on_event(
      {Event::Level::kWarning, name, fmt::format("reason=\"{}\" action=\"{}\"", told, action)});
}

// On a thread of its own, for the system lets a thread lower its priority and not raise it again,
// and merge_all() runs on its caller's.
Result<MergeReport> Merger::run_aside(Merge& merge) const {
  if (!settings_.runs_aside) return merge.run();
  Result<MergeReport> report;
  std::thread([&] {
    base::name_thread("kv-merge");
    base::lower_priority(kNice);
    report = merge.run();
  }).join();
  return report;
}

Result<bool> Merger::merge_once(const MergeChoice& choice, std::uint64_t id_max,
                                MergeReport& total) {
  const std::lock_guard merging(merging_);
  auto segments = *context_.table.all();
  std::erase_if(segments, [&](const auto& one) { return format::number(one->id()) >= id_max; });
  const auto inputs = choose_inputs(segments, choice);
  segments.clear();
  if (inputs.empty()) return false;
  std::uint64_t bytes = 0;
  for (const auto& input : inputs) bytes += input->size;
  {
    const std::lock_guard lock(mutex_);
    if (is_over()) return false;
    stats_.state = MergeState::kMerging;
    budget_.begin_work(MergeBudget::Clock::now());
    done_before_ = stats_.is_on_demand ? stats_.bytes_done : 0;
    stats_.bytes_done = done_before_;
    // Read, and at most as much written; the whole of merge_all() was guessed before it began.
    const std::uint64_t least = done_before_ + 2 * bytes;
    stats_.bytes_total = stats_.is_on_demand ? std::max(stats_.bytes_total, least) : least;
  }
  MergeContext context = context_;
  context.output_size_max = std::min(choice.live_bytes_max, segment_size(use()));
  Merge merge(context, inputs, *this);
  auto report = run_aside(merge);
  if (report) note_departure(inputs, *report);

  const std::lock_guard lock(mutex_);
  stats_.state = MergeState::kIdle;
  stats_.bytes_done = stats_.is_on_demand ? done_before_ + 2 * bytes : 0;
  if (!stats_.is_on_demand) stats_.bytes_total = 0;
  if (!report) {
    stats_.failures += 1;
    tell_trouble("merge failed", report.error(), "tried again", merge_trouble_);
    return tl::unexpected(std::move(report).error());
  }
  merge_trouble_.clear();
  stats_.bytes_read += report->bytes_read;
  stats_.bytes_written += report->bytes_written;
  total.was_stopped = total.was_stopped || (report->was_stopped && is_over());
  if (report->was_stopped) return true;
  stats_.merges += 1;
  stats_.bytes_freed += bytes > report->bytes_written ? bytes - report->bytes_written : 0;
  total.inputs += report->inputs;
  total.outputs.insert(total.outputs.end(), report->outputs.begin(), report->outputs.end());
  total.bytes_read += report->bytes_read;
  total.bytes_written += report->bytes_written;
  total.puts_kept += report->puts_kept;
  total.puts_dropped += report->puts_dropped;
  total.deletes_kept += report->deletes_kept;
  total.deletes_dropped += report->deletes_dropped;
  return true;
}

// Older records are gone for good, so deletes that were kept for their sake may be free to go.
void Merger::note_departure(const std::vector<std::shared_ptr<Segment>>& inputs,
                            const MergeReport& report) {
  if (report.was_stopped || report.puts_dropped == 0) return;
  std::uint64_t oldest = UINT64_MAX;
  for (const auto& input : inputs) oldest = std::min<std::uint64_t>(oldest, input->first_sequence);
  const SegmentTable::List segments = context_.table.all();  // outlives the loop
  for (const auto& segment : *segments) {
    const bool is_output = std::ranges::find(report.outputs, segment->id()) != report.outputs.end();
    if (!is_output && segment->last_sequence > oldest) segment->needs_deletes = false;
  }
}

MergeStats Merger::stats() const {
  const std::lock_guard lock(mutex_);
  MergeStats stats = stats_;
  if (is_paused_ && stats.state == MergeState::kIdle) stats.state = MergeState::kPaused;
  return stats;
}

}  // namespace kv::engine
