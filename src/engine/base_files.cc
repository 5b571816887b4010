#include "engine/base_files.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "format/manifest.h"

namespace kv::engine {

namespace {

constexpr std::uint64_t kListNumber = 1;  // of the MANIFEST that is none

Error corruption(std::string text) { return {Errc::kCorruption, std::move(text), {}}; }

}  // namespace

// The pin first: whatever the MANIFEST lists then is there, or leaves under the pin.
Result<BaseFiles> base_files(DataDirectory& dir, const SegmentTable& table) {
  BaseFiles base;
  base.pin = table.pin();
  const auto segments = table.all();
  const format::ManifestState all = dir.manifest().state();
  base.state.log_floor = all.log_floor;
  base.state.tombstone_floor = all.tombstone_floor;
  const auto is_in_base = [&](const format::SegmentInfo& info) {
    return info.is_sealed && info.last_sequence > 0 && info.last_sequence <= all.log_floor.sequence;
  };
  for (const auto& [id, info] : all.segments) {
    if (is_in_base(info)) base.state.segments.emplace(id, info);
  }
  for (const auto& range : all.quarantines) {
    if (!base.state.segments.contains(range.id)) continue;
    return tl::unexpected(corruption(dir.segment_path(range.id) + " holds damaged records"));
  }
  for (const auto& segment : *segments) {
    if (!segment->is_damaged || !base.state.segments.contains(segment->id())) continue;
    return tl::unexpected(corruption(segment->path() + " holds damaged records"));
  }
  return base;
}

std::string encode_base_list(const format::ManifestState& state, std::uint64_t database_id_hash) {
  std::string out = format::encode_manifest_header(kListNumber, database_id_hash);
  const auto edits = state.edits();
  format::append_edits(out, edits, kListNumber);
  return out;
}

Result<format::ManifestState> decode_base_list(std::string_view bytes) {
  auto content = format::decode_manifest(bytes);
  if (!content) return tl::unexpected(std::move(content).error());
  const format::ManifestState& state = content->state;
  const bool is_base =
      content->valid_size == bytes.size() && state.log_floor.sequence > 0 &&
      state.quarantines.empty() && std::ranges::all_of(state.segments, [&](const auto& one) {
        const format::SegmentInfo& info = one.second;
        return info.is_sealed && info.size >= format::kSegmentHeaderSize &&
               info.last_sequence > 0 && info.last_sequence <= state.log_floor.sequence;
      });
  if (!is_base) return tl::unexpected(corruption("a list of files that is none of a state"));
  return std::move(content->state);
}

}  // namespace kv::engine
