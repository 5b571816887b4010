#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "engine/segment.h"

namespace kv::engine {

// Bytes of the sealed segment that a merge of it would give back: what is neither live nor a delete
// that was found to be needed. (Deletes nobody has looked at yet count as dead.)
std::uint64_t dead_bytes(const Segment& segment);

struct MergeChoice {
  std::uint64_t live_bytes_max = 0;  // of all inputs together: about what one output takes
  std::uint64_t applied_sequence = 0;
  bool takes_any = false;  // whatever has dead bytes, not only what is worth its copying
};

// Which of the segments to merge next; none when it is not worth it. Each gives back more than it
// costs, by the cost-benefit rule of Rosenblum and Ousterhout, "The Design and Implementation of a
// Log-Structured File System", 1992, section 3.5: (dead / (size + live)) * age. Segments straight
// from the log and ones that merges wrote are never inputs together, so that what has lived long is
// not copied along with what is young.
//
// The newest sealed segment of the log is left alone: it tells where the log ends.
std::vector<std::shared_ptr<Segment>> choose_inputs(
    const std::vector<std::shared_ptr<Segment>>& segments, const MergeChoice& choice);

}  // namespace kv::engine
