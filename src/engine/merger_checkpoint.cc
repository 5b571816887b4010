// The merger's other work: checkpoints of the index, when they are due and when they are asked for.

#include <utility>

#include <fmt/format.h>

#include "engine/merger.h"
#include "engine/space_guard.h"

namespace kv::engine {

// A steady rate that no disk notices; whoever asked for the checkpoint has time.
bool Merger::CheckpointPace::go_on(std::uint64_t bytes) {
  constexpr double kBytesPerSecond = 64.0 * 1024 * 1024;
  const std::chrono::duration<double> cost(static_cast<double>(bytes) / kBytesPerSecond);
  std::unique_lock lock(merger_.mutex_);
  return !merger_.changed_.wait_for(lock, cost, [this] { return merger_.is_stopped_; });
}

bool Merger::is_checkpoint_due() {
  const std::lock_guard lock(mutex_);
  std::uint64_t records = 0;
  for (const SegmentTable::List all = context_.table.all(); const auto& segment : *all) {
    if (segment->is_sealed && !covered_.contains(segment->id())) records += segment->records;
  }
  return checkpoint_turn_.has_come({records, context_.index.size(), context_.pipeline.writes()},
                                   CheckpointTurn::Clock::now());
}

void Merger::note_covered(const std::vector<format::SegmentId>& segments) {
  const std::lock_guard lock(mutex_);
  covered_ = {segments.begin(), segments.end()};
}

// On the way to its end it takes room beside the one before.
Result<void> Merger::check_room_for_checkpoint() const {
  const auto space = context_.dir.fs().space(context_.dir.path());
  if (!space) return {};  // a disk that does not tell
  const std::uint64_t reserve =
      SpaceGuard::reserve_of(settings_.space_reserve, *space, settings_.segment_size_max);
  const std::uint64_t size = Checkpoint::size_max(context_);
  if (space->free_bytes >= reserve + size) return {};
  return tl::unexpected(Error{
      Errc::kNoSpace,
      fmt::format("a checkpoint of up to {} bytes does not fit: {} bytes are free and {} reserved",
                  size, space->free_bytes, reserve),
      {}});
}

Result<CheckpointReport> Merger::write_checkpoint() {
  // It ends with a sync of the log: not begun when that cannot succeed any more.
  if (auto failure = context_.pipeline.failure()) return tl::unexpected(std::move(*failure));
  if (auto room = check_room_for_checkpoint(); !room) {
    return tl::unexpected(std::move(room).error());
  }
  std::unique_lock merging(merging_);
  auto taken = Checkpoint::take(context_);
  merging.unlock();
  if (!taken) return tl::unexpected(std::move(taken).error());
  if (!*taken) return CheckpointReport{};
  CheckpointPace pace(*this);
  return (*taken)->write(pace);
}

Result<void> Merger::checkpoint() {
  auto report = write_checkpoint();
  const std::lock_guard lock(mutex_);
  checkpoint_turn_.note_end(!report, CheckpointTurn::Clock::now());
  if (!report) {
    tell_trouble("checkpoint failed", report.error(), "hints serve the next start",
                 checkpoint_trouble_);
    return tl::unexpected(std::move(report).error());
  }
  checkpoint_trouble_.clear();
  if (!report->was_stopped) covered_ = {report->covered.begin(), report->covered.end()};
  return {};
}

}  // namespace kv::engine
