#include "engine/checkpoint.h"

#include <algorithm>

#include <fmt/format.h>

#include "engine/planted.h"
#include "format/names.h"

namespace kv::engine {

namespace {

constexpr std::size_t kBlockSize = 256 * 1024;
constexpr std::size_t kKeysPerStep = 1024;
constexpr std::uint64_t kSyncEvery = 8 * 1024 * 1024;
constexpr unsigned kSlotShift = 44;
constexpr std::uint64_t kRestMask = (std::uint64_t{1} << kSlotShift) - 1;

Result<void> write_piece(io::File& file, std::uint64_t& at, std::string_view piece) {
  const std::string_view pieces[] = {piece};
  auto written = file.write_at(at, pieces);
  if (written) at += piece.size();
  return written;
}

}  // namespace

std::uint64_t Checkpoint::size_max(const MergeContext& context) {
  constexpr std::uint64_t kPerKey = 16;  // place, size, and its part of a block's head
  return format::kCheckpointHeaderSize +
         format::kCheckpointSegmentSize * context.table.all()->size() +
         context.index.memory().key_bytes + kPerKey * context.index.size() +
         format::kCheckpointBlockHeadSize;
}

Result<std::optional<Checkpoint>> Checkpoint::take(const MergeContext& context) {
  const std::uint64_t applied = context.pipeline.applied_sequence();
  format::CheckpointHead head;
  std::vector<std::uint32_t> number_of_slot;
  const SegmentTable::List segments = context.table.all();
  for (const auto& segment : *segments) {
    if (segment->is_damaged) {
      return tl::unexpected(
          Error{Errc::kCorruption,
                segment->path() + " holds damaged records, and no checkpoint is made beside it",
                {}});
    }
    if (!segment->is_sealed || segment->last_sequence > applied) continue;
    number_of_slot.resize(std::max<std::size_t>(number_of_slot.size(), segment->slot() + 1),
                          kNotCovered);
    number_of_slot[segment->slot()] = static_cast<std::uint32_t>(head.segments.size());
    head.segments.push_back({segment->id(), segment->salt(), segment->size, segment->delete_bytes});
  }
  if (head.segments.empty()) return std::optional<Checkpoint>();
  std::shared_ptr<const void> pin;
  auto snapshot = context.pipeline.snapshot([&] { pin = context.table.pin(); });
  head.sequence = snapshot.sequence();
  head.database_id_hash = format::database_id_hash(context.dir.identity());
  Checkpoint checkpoint(context, std::move(snapshot), std::move(pin));
  checkpoint.head_ = std::move(head);
  checkpoint.number_of_slot_ = std::move(number_of_slot);
  return std::optional(std::move(checkpoint));
}

Result<CheckpointReport> Checkpoint::write(MergePace& pace) {
  io::FileSystem& fs = context_.dir.fs();
  const std::string path = context_.dir.file_path(format::kCheckpointName);
  const std::string temporary = path + std::string(format::kTemporarySuffix);
  auto is_there = fs.exists(temporary);
  if (!is_there) return tl::unexpected(std::move(is_there).error());
  if (*is_there) {
    if (auto removed = fs.remove(temporary); !removed) {
      return tl::unexpected(std::move(removed).error());
    }
  }
  auto file = fs.open(temporary, io::OpenMode::kCreate);
  if (!file) return tl::unexpected(std::move(file).error());
  CheckpointReport report;
  auto done = write_blocks(**file, pace, report);
  if (done && !report.was_stopped) done = (*file)->sync();
  // A key whose newest record lies in an open segment is left out; if a power cut took that record,
  // an older one would count again, of which the checkpoint says nothing.
  if (done && !report.was_stopped && !is_planted(Bug::kCheckpointWithoutSync))
    done = context_.pipeline.sync();
  if (done && !report.was_stopped) done = fs.rename(temporary, path);
  if (done && !report.was_stopped)
    return fs.sync_dir(context_.dir.path()).map([&] { return report; });
  // What is half made goes now, or at the next open.
  [[maybe_unused]] const auto removed = fs.remove(temporary);
  if (!done) return tl::unexpected(std::move(done).error());
  return report;
}

// The head comes first and last: its counts are known at the end, its size from the beginning.
Result<void> Checkpoint::write_blocks(io::File& file, MergePace& pace, CheckpointReport& report) {
  std::uint64_t at = 0;
  if (auto done = write_piece(file, at, encode_checkpoint_head(head_)); !done) return done;
  format::CheckpointBlock block;
  std::uint64_t synced = 0;
  const auto flush = [&]() -> Result<void> {
    head_.blocks += 1;
    head_.keys += block.keys();
    const std::string bytes = block.take();
    if (auto done = write_piece(file, at, bytes); !done) return done;
    report.was_stopped = !pace.go_on(bytes.size());
    if (at - synced < kSyncEvery) return {};
    synced = at;
    return file.sync();
  };
  IndexWindow window;
  std::string from;
  for (bool goes_on = true; goes_on;) {
    window.clear();
    goes_on = context_.index.scan({from, std::nullopt, false}, snapshot_, kKeysPerStep, window);
    for (std::size_t i = 0; i < window.size(); ++i) {
      const Place place = window.place(i);
      const std::uint32_t slot = place.slot();
      const bool is_covered = slot < number_of_slot_.size() && number_of_slot_[slot] != kNotCovered;
      if (!is_covered) continue;
      block.add({window.key(i),
                 std::uint64_t{number_of_slot_[slot]} << kSlotShift | (place.bits() & kRestMask)});
      if (block.size() < kBlockSize) continue;
      if (auto done = flush(); !done || report.was_stopped) return done;
    }
    if (goes_on) from.assign(window.key(window.size() - 1)).push_back('\0');
  }
  if (block.keys() > 0) {
    if (auto done = flush(); !done || report.was_stopped) return done;
  }
  report.sequence = head_.sequence;
  report.keys = head_.keys;
  report.bytes = at;
  for (const format::CheckpointSegment& segment : head_.segments)
    report.covered.push_back(segment.id);
  at = 0;
  return write_piece(file, at, encode_checkpoint_head(head_));
}

std::optional<OpenCheckpoint> open_checkpoint(DataDirectory& dir, EventListener* listener) {
  const std::string path = dir.file_path(format::kCheckpointName);
  const auto is_there = dir.fs().exists(path);
  if (!is_there || !*is_there) return std::nullopt;
  std::string reason;
  if (auto content = io::read_file(dir.fs(), path); !content) {
    reason = describe(content.error());
  } else {
    auto kept = std::make_unique<const std::string>(std::move(*content));
    auto reader = format::CheckpointReader::open(*kept);
    const bool is_ours =
        reader && reader->head().database_id_hash == format::database_id_hash(dir.identity());
    if (is_ours) return OpenCheckpoint{std::move(kept), std::move(*reader)};
    reason = reader ? "it belongs to another database" : reader.error().context;
  }
  if (listener != nullptr) {
    listener->on_event({Event::Level::kWarning, "checkpoint not used",
                        fmt::format("file={} reason=\"{}\" action=\"hints\"", path, reason)});
  }
  return std::nullopt;
}

}  // namespace kv::engine
