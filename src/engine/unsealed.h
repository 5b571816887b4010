#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "engine/data_directory.h"
#include "engine/segment_load.h"
#include "kv/event.h"
#include "kv/result.h"

namespace kv::engine {

// What the last process left unsealed: usually one segment that was active and an empty spare.
struct UnsealedOutcome {
  std::vector<LoadedSegment> sealed;  // they are sealed now
  std::optional<format::SegmentId> spare;
  std::uint64_t last_sequence = 0;
  std::uint64_t chain = 0;
  std::uint64_t bytes_cut = 0;
};

// Seals the unsealed ones of `infos`, which are all segments in order of id: cuts the torn tail,
// drops segments that follow a cut (nothing in them was acknowledged as durable), removes empty
// ones but for one spare. Whatever holds records and is cut goes to lost+found first. What lies
// before a sealed segment was synced, so what is missing there is damage, never a torn tail. A file
// that is gone was taken away by somebody: what it held, as far as those behind it tell, is damage.
//
// In steps, each synced before the next: file truncated; MANIFEST says sealed. A crash in between
// leaves an unsealed segment that ends cleanly, and the next recovery seals it as it is.
Result<UnsealedOutcome> seal_unsealed(DataDirectory& dir,
                                      std::span<const format::SegmentInfo> infos,
                                      EventListener* listener);

}  // namespace kv::engine
