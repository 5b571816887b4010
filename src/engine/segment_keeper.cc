#include "engine/segment_keeper.h"

#include <fmt/format.h>

#include "engine/planted.h"
#include "engine/segment_keys.h"
#include "engine/segment_load.h"

namespace kv::engine {

void SegmentKeeper::tell(Event::Level level, std::string_view name, std::string details) {
  if (listener_ != nullptr) listener_->on_event({level, name, std::move(details)});
}

Result<void> SegmentKeeper::work() {
  const std::lock_guard lock(work_mutex_);
  auto done = work_locked();
  // What the MANIFEST says is not known any more then, and only the next open can read it.
  const bool is_final =
      !done && (done.error().code == Errc::kUnknownOutcome || done.error().code == Errc::kReadOnly);
  if (is_final) pipeline_.refuse_writes(done.error());
  return done;
}

Result<void> SegmentKeeper::work_locked() {
  Result<void> outcome;
  if (pipeline_.wants_spare()) outcome = make_spare();
  for (RetiredSegment& retired : pipeline_.take_retired()) to_seal_.push_back(std::move(retired));
  while (!to_seal_.empty()) {
    if (auto sealed = seal(to_seal_.front()); !sealed) return outcome ? sealed : outcome;
    to_seal_.pop_front();
  }
  return outcome;
}

Result<void> SegmentKeeper::make_spare() {
  auto made = dir_.create_segment(format::SegmentKind::kLog);
  if (!made) return tl::unexpected(std::move(made).error());
  return offer(made->id, made->salt, std::move(made->file));
}

Result<void> SegmentKeeper::reuse_spare(format::SegmentId id) {
  auto file = dir_.fs().open(dir_.segment_path(id), io::OpenMode::kReadWrite);
  if (!file) return tl::unexpected(std::move(file).error());
  return offer(id, dir_.manifest().state().segments.at(id).salt, std::move(*file));
}

Result<void> SegmentKeeper::offer(format::SegmentId id, std::uint64_t salt,
                                  std::unique_ptr<io::File> file) {
  auto segment = table_.add(dir_.segment_path(id), id, format::SegmentKind::kLog, salt);
  if (!segment) return tl::unexpected(std::move(segment).error());
  pipeline_.give_spare({*segment, table_.adopt_file(**segment, std::move(file))});
  return {};
}

Result<void> SegmentKeeper::seal(const RetiredSegment& retired) {
  Segment& segment = *retired.target.segment;
  format::SegmentInfo info;
  info.id = segment.id();
  info.kind = segment.kind();
  info.salt = segment.salt();
  info.is_sealed = true;
  info.size = segment.size;
  info.records = segment.records;
  info.first_sequence = segment.first_sequence;
  info.last_sequence = segment.last_sequence;
  info.end_chain = retired.end_chain;
  if (auto done = cut(*retired.target.file, info.size); !done) return done;
  const format::Edit edits[] = {format::SealSegment{
      info.id, info.size, info.records, info.first_sequence, info.last_sequence, info.end_chain}};
  if (auto said = dir_.manifest().append(edits); !said) {
    tell(Event::Level::kError, "segment not sealed",
         fmt::format("segment={} reason=\"{}\"", segment.path(), describe(said.error())));
    return said;
  }
  segment.is_sealed = true;
  make_hint(retired, info);
  tell(Event::Level::kInfo, "segment sealed",
       fmt::format("segment={} bytes={} records={}", segment.path(), info.size, info.records));
  return {};
}

// Without a segment's end being known the next open seals it, and all behind it.
Result<void> SegmentKeeper::cut(io::File& file, std::uint64_t size) {
  if (cut_failure_) return tl::unexpected(*cut_failure_);
  const auto found = file.size();
  if (!found) return tl::unexpected(found.error());
  if (*found == size) return {};
  if (auto done = file.truncate(size); !done) return done;
  if (is_planted(Bug::kCutNotSynced)) return {};
  auto synced = file.sync();
  if (synced) return {};
  cut_failure_ = synced.error();
  cut_failure_->code = Errc::kUnknownOutcome;
  tell(Event::Level::kError, "segment not sealed",
       fmt::format("segment={} reason=\"{}\"", file.path(), describe(*cut_failure_)));
  return tl::unexpected(*cut_failure_);
}

// Reads the segment back, which also proves that what was synced is what was written.
void SegmentKeeper::make_hint(const RetiredSegment& retired, const format::SegmentInfo& info) {
  const io::File& file = *retired.target.file;
  auto header =
      load_header(file, dir_, info, info.first_sequence, format::kChainUnknown, listener_);
  if (!header) return;
  SegmentKeys keys;
  auto scan = scan_keys(file, {ScanMode::kSealed, info.size, *header, info.last_sequence, 0}, keys);
  const bool is_sound = scan && scan->damaged.empty() && scan->records == info.records &&
                        scan->last_sequence == info.last_sequence &&
                        scan->end_chain == info.end_chain;
  if (!is_sound) {
    tell(Event::Level::kError, "sealed segment differs from what was written",
         fmt::format("segment={} action=\"no hint; reads check every record\"", file.path()));
    return;
  }
  write_hint(dir_.fs(), dir_.hint_path(info.id), std::move(keys).hint(binding_of(info, info.salt)),
             listener_);
}

void SegmentKeeper::run() {
  constexpr std::chrono::seconds kRetry{1};
  std::unique_lock lock(mutex_);
  bool has_failed = false;
  while (!is_stopped_) {
    const auto has_news = [this] { return is_poked_ || is_stopped_; };
    if (has_failed) {
      poked_.wait_for(lock, kRetry, has_news);
    } else {
      poked_.wait(lock, has_news);
    }
    is_poked_ = false;
    if (is_stopped_) return;
    lock.unlock();
    // A full disk ends here: the segment grows on until there is room for another one.
    const auto done = work();
    if (!done && !has_failed) {
      tell(
          Event::Level::kWarning, "rotation failed",
          fmt::format("reason=\"{}\" action=\"tried again every second\"", describe(done.error())));
    }
    has_failed = !done;
    lock.lock();
  }
}

void SegmentKeeper::poke() {
  const std::lock_guard lock(mutex_);
  is_poked_ = true;
  poked_.notify_one();
}

void SegmentKeeper::stop() {
  const std::lock_guard lock(mutex_);
  is_stopped_ = true;
  poked_.notify_one();
}

}  // namespace kv::engine
