#include "engine/segment_table.h"

#include <algorithm>

namespace kv::engine {

Result<std::shared_ptr<Segment>> SegmentTable::add(std::string path, format::SegmentId id,
                                                   format::SegmentKind kind, std::uint64_t salt) {
  const std::unique_lock lock(mutex_);
  auto free_slot = std::find(slots_.begin(), slots_.end(), nullptr);
  if (free_slot == slots_.end()) {
    if (slots_.size() > Place::kSlotMax) {
      return tl::unexpected(
          Error{Errc::kTryLater, path + ": no free slot for another segment", {}});
    }
    free_slot = slots_.insert(slots_.end(), nullptr);
  }
  const auto slot = static_cast<std::uint32_t>(free_slot - slots_.begin());
  *free_slot = std::make_shared<Segment>(slot, std::move(path), id, kind, salt);
  return *free_slot;
}

std::shared_ptr<Segment> SegmentTable::find(std::uint32_t slot) const {
  const std::shared_lock lock(mutex_);
  return slot < slots_.size() ? slots_[slot] : nullptr;
}

void SegmentTable::remove(std::uint32_t slot) {
  const std::unique_lock lock(mutex_);
  slots_[slot] = nullptr;
}

std::vector<std::shared_ptr<Segment>> SegmentTable::all() const {
  const std::shared_lock lock(mutex_);
  std::vector<std::shared_ptr<Segment>> out;
  for (const auto& segment : slots_) {
    if (segment) out.push_back(segment);
  }
  return out;
}

Result<std::shared_ptr<io::File>> SegmentTable::file(Segment& segment) {
  segment.was_used_.store(true, std::memory_order_relaxed);
  std::shared_ptr<io::File> file;
  {
    const std::lock_guard lock(segment.file_mutex_);
    if (segment.file_) return segment.file_;
    auto opened = fs_.open(segment.path(), io::OpenMode::kRead);
    if (!opened) return tl::unexpected(std::move(opened).error());
    segment.file_ = std::move(*opened);
    file = segment.file_;
  }
  open_files_.fetch_add(1, std::memory_order_relaxed);
  close_idle();
  return file;
}

void SegmentTable::adopt_file(Segment& segment, std::shared_ptr<io::File> file) {
  {
    const std::lock_guard lock(segment.file_mutex_);
    if (segment.file_) return;
    segment.file_ = std::move(file);
  }
  open_files_.fetch_add(1, std::memory_order_relaxed);
  close_idle();
}

void SegmentTable::close_idle() {
  if (open_files() <= open_max_) return;
  const std::lock_guard hand_lock(hand_mutex_);
  const auto segments = all();
  // Two rounds: the first may only clear marks.
  for (std::size_t step = 0; step < 2 * segments.size() && open_files() > open_max_; ++step) {
    Segment& segment = *segments[hand_++ % segments.size()];
    if (segment.was_used_.exchange(false, std::memory_order_relaxed)) continue;
    const std::lock_guard lock(segment.file_mutex_);
    if (!segment.file_) continue;
    segment.file_ = nullptr;
    open_files_.fetch_sub(1, std::memory_order_relaxed);
  }
}

}  // namespace kv::engine
