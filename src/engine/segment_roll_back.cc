// The keeper's part of taking records back: the files.

#include <fmt/format.h>

#include "engine/segment_keeper.h"
#include "format/names.h"

namespace kv::engine {

Result<void> SegmentKeeper::roll_back(std::uint64_t first, std::uint64_t chain) {
  const std::lock_guard lock(work_mutex_);
  if (pipeline_.wants_spare()) {
    if (auto made = make_spare(); !made) return made;
  }
  const auto begun = pipeline_.begin_roll_back(first);
  if (!begun) return tl::unexpected(begun.error());
  const Cut& cut = *begun;
  if (auto done = void_behind(cut); !done) {
    pipeline_.abandon_roll_back(done.error());
    return done;
  }
  pipeline_.finish_roll_back(cut, chain);
  tell(Event::Level::kWarning, "records rolled back",
       fmt::format("first_sequence={} segment={} offset={} segments_gone={} kept=lost+found", first,
                   cut.segment ? cut.segment->path() : "none", cut.size, cut.gone.size()));
  return {};
}

Result<void> SegmentKeeper::void_behind(const Cut& cut) {
  if (auto kept = keep_bytes_behind(cut); !kept) return kept;
  std::vector<format::Edit> edits;
  if (cut.segment)
    edits.emplace_back(format::CutSegment{cut.segment->id(), cut.size, cut.first - 1});
  for (const auto& segment : cut.gone) {
    edits.emplace_back(format::SealSegment{segment->id(), 0, 0, 0, 0, 0});
    edits.emplace_back(format::MergeSegments{{segment->id()}, {}, 0});
  }
  if (edits.empty()) return {};
  if (auto said = dir_.manifest().append(edits); !said) return said;
  for (const auto& segment : cut.gone) {
    table_.remove(segment->slot());
    if (auto moved = dir_.set_aside(format::segment_name(segment->id())); !moved) return moved;
  }
  return {};
}

Result<void> SegmentKeeper::keep_bytes_behind(const Cut& cut) {
  if (!cut.segment) return {};
  auto file = table_.file(*cut.segment);
  if (!file) return tl::unexpected(std::move(file).error());
  const std::uint64_t size = cut.segment->size;
  std::string bytes(static_cast<std::size_t>(size - cut.size), '\0');
  auto got = (*file)->read_at(cut.size, bytes.data(), bytes.size());
  if (!got) return tl::unexpected(std::move(got).error());
  bytes.resize(*got);
  const std::string name =
      fmt::format("{}.from-{}", format::segment_name(cut.segment->id()), cut.first);
  return dir_.set_aside_bytes(name, bytes);
}

}  // namespace kv::engine
