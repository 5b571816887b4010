#include "engine/segment_table.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace kv::engine {

Result<std::shared_ptr<Segment>> SegmentTable::add(std::string path, format::SegmentId id,
                                                   format::SegmentKind kind, std::uint64_t salt) {
  const std::unique_lock lock(mutex_);
  // Somebody may still be on the way to a slot that was given up: it stays free for a while.
  constexpr std::uint32_t kRound = 64 * 1024;
  if (next_slot_ >= kRound) next_slot_ = 0;
  while (is_taken(next_slot_)) ++next_slot_;
  const std::uint32_t slot = next_slot_++;
  if (slot > Place::kSlotMax) {
    return tl::unexpected(Error{Errc::kTryLater, path + ": no free slot for another segment", {}});
  }
  if (slot >= slots_.size()) {
    slots_.resize(slot + 1);
  } else {
    on_reuse();
  }
  slots_[slot] = std::make_shared<Segment>(slot, std::move(path), id, kind, salt);
  list_again();
  return slots_[slot];
}

bool SegmentTable::is_taken(std::uint32_t slot) const {
  return (slot < slots_.size() && slots_[slot] != nullptr) ||
         std::ranges::any_of(leaving_, [=](const Leaving& one) { return one.slot == slot; });
}

void SegmentTable::list_again() {
  auto list = std::make_shared<std::vector<std::shared_ptr<Segment>>>();
  for (const auto& segment : slots_) {
    if (segment) list->push_back(segment);
  }
  list_ = std::move(list);
}

std::shared_ptr<Segment> SegmentTable::find(std::uint32_t slot) const {
  const std::shared_lock lock(mutex_);
  if (slot >= slots_.size()) return nullptr;
  if (slots_[slot] != nullptr) return slots_[slot];
  for (const Leaving& one : leaving_) {
    if (one.slot == slot) return one.segment.lock();
  }
  return nullptr;
}

void SegmentTable::remove(std::uint32_t slot) {
  const std::unique_lock lock(mutex_);
  leaving_.push_back({slot, slots_[slot]->id(), slots_[slot]});
  const auto link = std::exchange(newest_link_, std::make_shared<Link>());
  link->taken_out = std::exchange(slots_[slot], nullptr);
  link->next = newest_link_;
  list_again();
}

std::vector<format::SegmentId> SegmentTable::take_unused() {
  const std::unique_lock lock(mutex_);
  std::vector<format::SegmentId> unused;
  // Each is asked once: a reader may let go at any moment, and what is taken out must be told.
  const auto is_kept = [](const Leaving& one) { return !one.segment.expired(); };
  const auto kept_end = std::stable_partition(leaving_.begin(), leaving_.end(), is_kept);
  std::transform(kept_end, leaving_.end(), std::back_inserter(unused),
                 [](const Leaving& one) { return one.id; });
  leaving_.erase(kept_end, leaving_.end());
  return unused;
}

std::vector<std::shared_ptr<Segment>> SegmentTable::held() const {
  const std::shared_lock lock(mutex_);
  std::vector<std::shared_ptr<Segment>> held;
  for (const Leaving& one : leaving_) {
    if (auto segment = one.segment.lock()) held.push_back(std::move(segment));
  }
  return held;
}

// One after the other: the chain may be too long for a destructor that calls itself.
SegmentTable::Link::~Link() {
  auto rest = std::move(next);
  while (rest && rest.use_count() == 1) rest = std::move(rest->next);
}

std::shared_ptr<const void> SegmentTable::pin() const {
  const std::shared_lock lock(mutex_);
  return newest_link_;
}

SegmentTable::List SegmentTable::all() const {
  const std::shared_lock lock(mutex_);
  return list_;
}

Result<std::shared_ptr<io::File>> SegmentTable::file(Segment& segment) {
  segment.was_used_.store(true, std::memory_order_relaxed);
  std::shared_ptr<io::File> file;
  {
    const std::lock_guard lock(segment.file_mutex_);
    if (segment.file_) return segment.file_;
    auto opened = fs_.open(segment.path(), io::OpenMode::kRead);
    if (!opened) return tl::unexpected(std::move(opened).error());
    segment.file_ = counted(std::move(*opened));
    file = segment.file_;
  }
  close_idle();
  return file;
}

std::shared_ptr<io::File> SegmentTable::counted(std::unique_ptr<io::File> file) {
  open_files_->fetch_add(1, std::memory_order_relaxed);
  return {file.release(), [count = open_files_](io::File* closed) {
            delete closed;
            count->fetch_sub(1, std::memory_order_relaxed);
          }};
}

std::shared_ptr<io::File> SegmentTable::adopt_file(Segment& segment,
                                                   std::unique_ptr<io::File> file) {
  auto shared = counted(std::move(file));
  {
    const std::lock_guard lock(segment.file_mutex_);
    segment.file_ = shared;
  }
  close_idle();
  return shared;
}

void SegmentTable::close_idle() {
  if (open_files() <= open_max_) return;
  const std::lock_guard hand_lock(hand_mutex_);
  const List segments = all();
  // Two rounds: the first may only clear marks.
  for (std::size_t step = 0; step < 2 * segments->size() && open_files() > open_max_; ++step) {
    Segment& segment = *(*segments)[hand_++ % segments->size()];
    if (segment.was_used_.exchange(false, std::memory_order_relaxed)) continue;
    const std::lock_guard lock(segment.file_mutex_);
    if (!segment.file_) continue;
    segment.file_ = nullptr;
  }
}

}  // namespace kv::engine
