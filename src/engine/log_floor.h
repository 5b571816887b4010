#pragma once

#include <cstdint>

#include "engine/segment_table.h"

namespace kv::engine {

// How far a cluster's log may be given up: the last record of the newest sealed segment such that
// all records up to it are at most `safe`, and at least `retention` bytes of log lie behind it. 0:
// nowhere.
std::uint64_t log_floor_candidate(const SegmentTable& table, std::uint64_t safe,
                                  std::uint64_t retention);

}  // namespace kv::engine
