#pragma once

#include <cstdint>
#include <vector>

#include "engine/index.h"
#include "engine/segment.h"
#include "format/hint.h"

namespace kv::engine {

// The sorted keys of one segment.
struct SegmentRun {
  const format::HintReader* keys = nullptr;
  Segment* segment = nullptr;
};

// Fills an empty index with the newest put of each key that any run holds, and counts live
// bytes and those of deletes at the segments. `threads` threads share the key space evenly.
void load_index(Index& index, const std::vector<SegmentRun>& runs, std::uint32_t threads);

}  // namespace kv::engine
