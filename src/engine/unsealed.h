#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "engine/data_directory.h"
#include "engine/segment_load.h"
#include "kv/event.h"
#include "kv/result.h"

namespace kv::engine {

// A segment of a replicated log whose last records may yet be taken back, so it stays unsealed. It
// takes no more of them.
struct KeptSegment {
  format::SegmentInfo info;
  std::uint64_t end = 0;  // bytes; synced
  std::uint64_t records = 0;
  std::uint64_t first_sequence = 0;
  std::uint64_t last_sequence = 0;
  std::uint64_t chain_before = 0;
};

// Damage took away what was durable: everything up to this sequence was, and the record's term is
// at most that one. Called, perhaps more than once, before what proves it is changed on the disk;
// an error ends the recovery.
using LostListener = std::function<Result<void>(std::uint64_t term, std::uint64_t sequence)>;

// What the last process left unsealed: usually one segment that was active and an empty spare.
struct UnsealedOutcome {
  std::vector<LoadedSegment> sealed;  // they are sealed now
  std::vector<KeptSegment> kept;      // they are not; all of them behind those
  std::uint64_t sealed_sequence = 0;  // last of the sealed ones
  // Of a replicated log: this was durable once and is lost, 0: nothing is. The term is not lower
  // than its record's.
  std::uint64_t lost_sequence = 0;
  std::uint64_t lost_term = 0;
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
//
// `committed`: of a replicated log, what is never taken back. A segment with records behind that is
// kept. And damage ends the log, whatever is intact behind it: other nodes have all of it.
Result<UnsealedOutcome> seal_unsealed(DataDirectory& dir,
                                      std::span<const format::SegmentInfo> infos,
                                      std::optional<std::uint64_t> committed,
                                      const LostListener& on_lost, EventListener* listener);

}  // namespace kv::engine
