#pragma once

#include <cstdint>
#include <vector>

#include "engine/index.h"
#include "engine/segment.h"
#include "format/checkpoint.h"
#include "format/hint.h"

namespace kv::engine {

// The sorted keys of one segment.
struct SegmentRun {
  const format::HintReader* keys = nullptr;
  Segment* segment = nullptr;
};

// A checkpoint and the segments its entries name, in the order of its list; nullptr for one that is
// gone, whose entries do not count.
struct CheckpointRun {
  const format::CheckpointReader* keys = nullptr;
  std::vector<Segment*> segments;
};

// Fills an empty index with the newest put of each key that any run or the checkpoint (null: none)
// holds, and counts live bytes and those of deletes at the segments. The runs are those of the
// segments that the checkpoint does not cover. `threads` threads share the key space evenly.
void load_index(Index& index, const std::vector<SegmentRun>& runs, const CheckpointRun* checkpoint,
                std::uint32_t threads);

}  // namespace kv::engine
