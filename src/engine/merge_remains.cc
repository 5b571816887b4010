#include "engine/merge_remains.h"

#include <algorithm>
#include <optional>

#include <fmt/format.h>

#include "engine/segment_load.h"
#include "engine/segment_scan.h"
#include "format/names.h"

namespace kv::engine {

namespace {

void tell(EventListener* listener, std::string details) {
  if (listener != nullptr)
    listener->on_event({Event::Level::kError, "merge taken in", std::move(details)});
}

Result<std::set<format::SegmentId>> list_segments(const DataDirectory& dir) {
  auto names = dir.fs().list(dir.path());
  if (!names) return tl::unexpected(std::move(names).error());
  std::set<format::SegmentId> ids;
  for (const std::string& name : *names) {
    const format::ParsedName parsed = format::parse_name(name);
    if (parsed.kind == format::FileKind::kSegment) {
      ids.insert(static_cast<format::SegmentId>(parsed.number));
    }
  }
  return ids;
}

// The edit that seals the output as it lies; nothing when there is no record in it. What is damaged
// in it and matters was in a lost segment: `bound` is the highest sequence of those.
Result<std::optional<format::SealSegment>> seal_as_it_lies(const DataDirectory& dir,
                                                           const format::SegmentInfo& info,
                                                           std::uint64_t bound,
                                                           EventListener* listener) {
  auto file = dir.fs().open(dir.segment_path(info.id), io::OpenMode::kReadWrite);
  if (!file) return tl::unexpected(std::move(file).error());
  auto size = (*file)->size();
  if (!size) return tl::unexpected(std::move(size).error());
  if (*size <= format::kSegmentHeaderSize) return std::nullopt;
  auto header = load_header(**file, dir, info, 0, format::kChainUnknown, listener);
  if (!header) return tl::unexpected(std::move(header).error());
  auto scan = scan_segment(**file, {ScanMode::kSealed, *size, *header, bound, 0},
                           [](const ScannedRecord&) {});
  if (!scan) return tl::unexpected(std::move(scan).error());
  if (auto synced = (*file)->sync(); !synced) return tl::unexpected(std::move(synced).error());
  tell(listener, fmt::format("segment={} bytes={} records={} reason=\"the MANIFEST does not say "
                             "that it counts, and a segment is missing that it may stand for\"",
                             (*file)->path(), *size, scan->records));
  // Which sequences a damaged range begins with is not known.
  const std::uint64_t first = scan->damaged.empty() ? scan->first_sequence : 1;
  return format::SealSegment{info.id,
                             format::padded(*size),  // a record torn at the end counts as damage
                             scan->records,
                             first,
                             scan->last_sequence,
                             format::kChainUnknown};
}

}  // namespace

Result<void> take_in_remains(DataDirectory& dir, EventListener* listener) {
  const format::ManifestState state = dir.manifest().state();
  const auto files = list_segments(dir);
  if (!files) return tl::unexpected(files.error());
  std::vector<format::Edit> edits;
  std::uint64_t bound = 0;
  for (const format::SegmentInfo& lost : new_losses(state, *files)) {
    edits.emplace_back(
        format::Quarantine{lost.id, 0, lost.size, lost.first_sequence, lost.last_sequence, false});
    bound = std::max(bound, lost.last_sequence);
  }
  if (edits.empty()) return {};
  for (const auto& [id, info] : state.segments) {
    const bool is_output = info.kind == format::SegmentKind::kMerged && !info.is_sealed;
    if (!is_output || !files->contains(id)) continue;
    auto seal = seal_as_it_lies(dir, info, bound, listener);
    if (!seal) return tl::unexpected(std::move(seal).error());
    if (*seal) edits.emplace_back(**seal);
  }
  return dir.manifest().append(edits);
}

std::vector<format::SegmentInfo> new_losses(const format::ManifestState& state,
                                            const std::set<format::SegmentId>& files) {
  std::vector<format::SegmentInfo> losses;
  for (const auto& [id, info] : state.segments) {
    const bool is_known =
        std::ranges::any_of(state.quarantines, [id = id, &info = info](const auto& range) {
          return range.id == id && range.size == info.size;
        });
    if (info.is_sealed && !is_known && !files.contains(id)) {
      losses.push_back(info);
    }
  }
  return losses;
}

}  // namespace kv::engine
