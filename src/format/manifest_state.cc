#include "format/manifest_state.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "format/damage.h"

namespace kv::format {
namespace {

// Checks an edit against the state and changes it only when nothing is wrong.
class Applier {
 public:
  explicit Applier(ManifestState& state) : state_(state) {}

  Result<void> operator()(const AddSegment& edit) {
    if (state_.segments.contains(edit.id))
      return contradiction("adds", edit.id, "is there already");
    state_.segments[edit.id] = {.id = edit.id, .kind = edit.kind, .salt = edit.salt};
    state_.next_segment = std::max(state_.next_segment, std::uint64_t{number(edit.id)} + 1);
    return {};
  }

  Result<void> operator()(const SealSegment& edit) {
    const auto found = state_.segments.find(edit.id);
    if (found == state_.segments.end()) return contradiction("seals", edit.id, "is not there");
    SegmentInfo& segment = found->second;
    if (segment.is_sealed) return contradiction("seals", edit.id, "is sealed already");
    segment.is_sealed = true;
    segment.size = edit.size;
    segment.records = edit.records;
    segment.first_sequence = edit.first_sequence;
    segment.last_sequence = edit.last_sequence;
    segment.end_chain = edit.end_chain;
    segment.cut_size = segment.cut_sequence = 0;
    return {};
  }

  Result<void> operator()(const Quarantine& edit) {
    if (!state_.segments.contains(edit.id)) {
      return contradiction("quarantines", edit.id, "is not there");
    }
    // Recovery that was cut short says it again.
    if (std::ranges::find(state_.quarantines, edit) == state_.quarantines.end()) {
      state_.quarantines.push_back(edit);
    }
    return {};
  }

  Result<void> operator()(const MergeSegments& edit) {
    std::set<SegmentId> named;
    for (const auto* ids : {&edit.inputs, &edit.outputs}) {
      for (const SegmentId id : *ids) {
        const auto found = state_.segments.find(id);
        if (found == state_.segments.end()) return contradiction("merges", id, "is not there");
        if (!found->second.is_sealed) return contradiction("merges", id, "is not sealed");
        if (!named.insert(id).second) return contradiction("merges", id, "is named twice");
      }
    }
    for (const SegmentId id : edit.inputs) {
      // Its unreadable records would be gone for good, and with them the chance of a repair.
      if (is_quarantined(id)) return contradiction("merges", id, "holds a quarantined range");
    }
    for (const SegmentId id : edit.inputs) state_.segments.erase(id);
    state_.tombstone_floor = std::max(state_.tombstone_floor, edit.tombstone_floor);
    return {};
  }

  Result<void> operator()(const SequenceFloor& edit) {
    state_.sequence_floor = std::max(state_.sequence_floor, edit.sequence);
    return {};
  }

  Result<void> operator()(const SegmentFloor& edit) {
    state_.next_segment = std::max(state_.next_segment, edit.next_segment);
    return {};
  }

  Result<void> operator()(const CutSegment& edit) {
    const auto found = state_.segments.find(edit.id);
    if (found == state_.segments.end()) return contradiction("cuts", edit.id, "is not there");
    SegmentInfo& segment = found->second;
    if (segment.is_sealed) return contradiction("cuts", edit.id, "is sealed");
    if (edit.size == 0) return contradiction("cuts", edit.id, "would have no header left");
    if (segment.cut_size != 0 && segment.cut_size < edit.size) {
      return contradiction("cuts", edit.id, "was shorter already");
    }
    segment.cut_size = edit.size;
    segment.cut_sequence = edit.last_sequence;
    return {};
  }
  Result<void> operator()(const LogFloor& edit) {
    if (edit.sequence > state_.log_floor.sequence) state_.log_floor = edit;
    return {};
  }

 private:
  static tl::unexpected<Error> contradiction(std::string_view verb, SegmentId id,
                                             std::string_view reason) {
    return corruption(fmt::format("an edit {} segment {}, which {}", verb, number(id), reason));
  }
  bool is_quarantined(SegmentId id) const {
    return std::ranges::any_of(state_.quarantines,
                               [id](const Quarantine& range) { return range.id == id; });
  }

  ManifestState& state_;
};

}  // namespace

Result<void> ManifestState::apply(const Edit& edit) { return std::visit(Applier(*this), edit); }

std::vector<Edit> ManifestState::edits() const {
  std::vector<Edit> list;
  for (const auto& [id, segment] : segments) {
    list.push_back(AddSegment{id, segment.kind, segment.salt});
    if (segment.is_sealed) {
      list.push_back(SealSegment{id, segment.size, segment.records, segment.first_sequence,
                                 segment.last_sequence, segment.end_chain});
    }
    if (segment.cut_size != 0)
      list.push_back(CutSegment{id, segment.cut_size, segment.cut_sequence});
  }
  list.insert(list.end(), quarantines.begin(), quarantines.end());
  if (tombstone_floor > 0) list.push_back(MergeSegments{{}, {}, tombstone_floor});
  if (sequence_floor > 0) list.push_back(SequenceFloor{sequence_floor});
  if (log_floor.sequence > 0) list.push_back(log_floor);
  const std::uint64_t used = segments.empty() ? 0 : number(segments.rbegin()->first);
  if (next_segment > used + 1) list.push_back(SegmentFloor{next_segment});
  return list;
}

}  // namespace kv::format
