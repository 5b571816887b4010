#include "engine/index_load.h"

#include <algorithm>
#include <optional>
#include <string_view>
#include <thread>

#include "engine/index_part.h"
#include "engine/planted.h"
#include "engine/run_merge.h"
#include "format/record.h"

namespace kv::engine {

namespace {

using Bound = std::optional<std::string_view>;

// Keys that part the runs into `count` ranges of about as many entries each.
std::vector<Bound> bounds_of(const std::vector<SegmentRun>& runs, std::size_t count) {
  std::vector<std::string_view> keys;
  for (const SegmentRun& run : runs) {
    const auto sample = run.keys->sample();
    keys.insert(keys.end(), sample.begin(), sample.end());
  }
  std::sort(keys.begin(), keys.end());
  std::vector<Bound> bounds{std::nullopt};
  for (std::size_t i = 1; i < count && !keys.empty(); ++i) {
    bounds.emplace_back(keys[keys.size() * i / count]);
  }
  bounds.emplace_back(std::nullopt);
  return bounds;
}

// Puts keys into one part of the index and counts what its segments hold of them.
class Filler {
 public:
  Filler(const std::vector<SegmentRun>& runs, const CheckpointRun* checkpoint, IndexPart& part)
      : runs_(runs),
        checkpoint_(checkpoint),
        part_(part),
        live_bytes_(runs.size()),
        delete_bytes_(runs.size()),
        checkpoint_bytes_(checkpoint != nullptr ? checkpoint->segments.size() : 0) {}

  void fill(RunMerge& merge, format::CheckpointReader::Slice slice) {
    format::HintEntry entry;
    format::CheckpointEntry old;
    std::size_t run = 0;
    bool has_entry = merge.next(entry, run);
    bool has_old = checkpoint_ != nullptr && slice.next(old);
    while (has_entry || has_old) {
      const int order = !has_old ? -1 : !has_entry ? 1 : entry.key.compare(old.key);
      // Of what the checkpoint has seen only it knows whether it still counts.
      const bool is_old_newer = order > 0 || (order == 0 && counts(old) && !is_after(entry));
      if (is_old_newer) {
        if (counts(old)) add_old(old);
      } else {
        add(entry, run);
      }
      if (order <= 0) has_entry = merge.next(entry, run);
      if (order >= 0) has_old = slice.next(old);
    }
    count();
  }

 private:
  static constexpr unsigned kSlotShift = 44;
  static constexpr std::uint64_t kRestMask = (std::uint64_t{1} << kSlotShift) - 1;

  Segment* segment_of(const format::CheckpointEntry& entry) const {
    return checkpoint_->segments[static_cast<std::size_t>(entry.place >> kSlotShift)];
  }
  bool counts(const format::CheckpointEntry& entry) const { return segment_of(entry) != nullptr; }
  bool is_after(const format::HintEntry& entry) const {
    if (is_planted(Bug::kCheckpointHidesNewer)) return false;
    return entry.sequence > checkpoint_->keys->head().sequence;
  }

  void add(const format::HintEntry& entry, std::size_t run) {
    const std::uint64_t size =
        format::padded(format::kRecordHeaderSize + entry.key.size() + entry.value_size);
    if (entry.type != format::RecordType::kPut) {
      delete_bytes_[run] += size;
      return;
    }
    const Place place(runs_[run].segment->slot(), entry.offset, size);
    live_bytes_[run] += static_cast<std::int64_t>(place.size_hint());
    part_.add(entry.key, place);
  }

  void add_old(const format::CheckpointEntry& entry) {
    const std::uint64_t slot = segment_of(entry)->slot();
    const Place place = Place::from_bits(slot << kSlotShift | (entry.place & kRestMask));
    checkpoint_bytes_[static_cast<std::size_t>(entry.place >> kSlotShift)] +=
        static_cast<std::int64_t>(place.size_hint());
    part_.add(entry.key, place);
  }

  void count() {
    for (std::size_t i = 0; i < runs_.size(); ++i) {
      runs_[i].segment->live_bytes += live_bytes_[i];
      runs_[i].segment->delete_bytes += delete_bytes_[i];
    }
    for (std::size_t i = 0; i < checkpoint_bytes_.size(); ++i) {
      if (checkpoint_->segments[i] != nullptr)
        checkpoint_->segments[i]->live_bytes += checkpoint_bytes_[i];
    }
  }

  const std::vector<SegmentRun>& runs_;
  const CheckpointRun* const checkpoint_;
  IndexPart& part_;
  std::vector<std::int64_t> live_bytes_;
  std::vector<std::uint64_t> delete_bytes_;
  std::vector<std::int64_t> checkpoint_bytes_;
};

}  // namespace

void load_index(Index& index, const std::vector<SegmentRun>& runs, const CheckpointRun* checkpoint,
                std::uint32_t threads) {
  std::vector<Bound> bounds;
  if (checkpoint != nullptr) {
    bounds.emplace_back(std::nullopt);
    for (std::uint32_t i = 1; i < threads; ++i) {
      if (const auto key = checkpoint->keys->first_key(i, threads)) bounds.emplace_back(*key);
    }
    // Too few blocks to share.
    if (bounds.size() < threads) bounds.resize(1);
    bounds.emplace_back(std::nullopt);
  } else {
    bounds = bounds_of(runs, threads);
  }
  const std::size_t count = bounds.size() - 1;
  std::vector<IndexPart> parts(count);
  const auto fill = [&](std::size_t i) {
    std::vector<format::HintReader> slices;
    slices.reserve(runs.size());
    for (const SegmentRun& run : runs) slices.push_back(run.keys->slice(bounds[i], bounds[i + 1]));
    RunMerge merge(std::move(slices));
    Filler(runs, checkpoint, parts[i])
        .fill(merge, checkpoint != nullptr ? checkpoint->keys->slice(i, count)
                                           : format::CheckpointReader::Slice());
  };
  {
    std::vector<std::jthread> helpers;
    for (std::size_t i = 1; i < count; ++i) helpers.emplace_back(fill, i);
    fill(0);
  }
  index.load(std::move(parts), threads);
}

}  // namespace kv::engine
