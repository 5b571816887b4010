#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "format/manifest_state.h"
#include "io/file_system.h"
#include "kv/result.h"

namespace kv::engine {

// What the segments behind an unsealed one of the log prove of it. `later` are all segments with
// higher ids, in their order. These read headers and marks of unsealed files and change nothing.
using LaterSegments = std::span<const format::SegmentInfo>;

// The last sequence that must be in it or before it, or 0: segments are sealed in log order, each
// after its sync, so whatever lies before a sealed one was synced.
std::uint64_t required_by(LaterSegments later);

// The last sequence that came before the next segment of the log, as far as one tells; or 0. A
// segment is left before it is full when a write into it failed, zeros written ahead and all.
std::uint64_t end_before(io::FileSystem& fs, const std::string& dir, LaterSegments later);

// The highest sequence that was synced and belongs into it or before it. The marks of later
// records prove more, but what came behind the next segment's beginning was never to be in this
// one. A file that is not there proves nothing; kIo when one cannot be read.
Result<std::uint64_t> proven_by(io::FileSystem& fs, const std::string& dir, LaterSegments later);

// The same for who only looks: a file that cannot be read proves nothing, and the others all they
// do.
std::uint64_t proven_by_readable(io::FileSystem& fs, const std::string& dir, LaterSegments later);

}  // namespace kv::engine
