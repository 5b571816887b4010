#include "engine/index_load.h"

#include <algorithm>
#include <optional>
#include <string_view>
#include <thread>

#include "engine/index_part.h"
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

void fill(const std::vector<SegmentRun>& runs, Bound start, Bound end, IndexPart& part) {
  std::vector<format::HintReader> slices;
  slices.reserve(runs.size());
  for (const SegmentRun& run : runs) slices.push_back(run.keys->slice(start, end));
  std::vector<std::int64_t> live_bytes(runs.size());
  std::vector<std::uint64_t> delete_bytes(runs.size());
  RunMerge merge(std::move(slices));
  format::HintEntry entry;
  std::size_t run = 0;
  while (merge.next(entry, run)) {
    const std::uint64_t size =
        format::padded(format::kRecordHeaderSize + entry.key.size() + entry.value_size);
    if (entry.type != format::RecordType::kPut) {
      delete_bytes[run] += size;
      continue;
    }
    const Place place(runs[run].segment->slot(), entry.offset, size);
    live_bytes[run] += static_cast<std::int64_t>(place.size_hint());
    part.add(entry.key, place);
  }
  for (std::size_t i = 0; i < runs.size(); ++i) {
    runs[i].segment->live_bytes += live_bytes[i];
    runs[i].segment->delete_bytes += delete_bytes[i];
  }
}

}  // namespace

void load_index(Index& index, const std::vector<SegmentRun>& runs, std::uint32_t threads) {
  const auto bounds = bounds_of(runs, threads);
  std::vector<IndexPart> parts(bounds.size() - 1);
  {
    std::vector<std::jthread> helpers;
    for (std::size_t i = 1; i < parts.size(); ++i) {
      helpers.emplace_back([&, i] { fill(runs, bounds[i], bounds[i + 1], parts[i]); });
    }
    fill(runs, bounds[0], bounds[1], parts[0]);
  }
  index.load(std::move(parts), threads);
}

}  // namespace kv::engine
