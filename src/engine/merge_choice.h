#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "engine/segment.h"

namespace kv::engine {

struct MergeChoice {
  std::uint64_t live_bytes_max = 0;  // of all inputs together: about what one output takes
  std::uint64_t applied_sequence = 0;
  bool takes_any = false;     // whatever has dead bytes, not only what is worth its copying
  bool takes_little = false;  // room is wanted: a twentieth is worth it
  std::uint64_t log_floor = UINT64_MAX;  // see KeepContext
};

// Which of the segments to merge next; none when it is not worth it. Each gives back more than it
// costs, by the cost-benefit rule of Rosenblum and Ousterhout, "The Design and Implementation of a
// Log-Structured File System", 1992, section 3.5: (dead / (size + live)) * age. Segments straight
// from the log and ones that merges wrote are never inputs together, so that what has lived long is
// not copied along with what is young.
//
// What is left alone and why: keep_rule().
std::vector<std::shared_ptr<Segment>> choose_inputs(
    const std::vector<std::shared_ptr<Segment>>& segments, const MergeChoice& choice);

}  // namespace kv::engine
