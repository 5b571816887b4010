#pragma once

#include <cstdint>
#include <optional>

#include "torture/finding.h"

namespace kv::torture {

// Bits that turn over in what was synced, hints that vanish or lie in the wrong place: whatever
// byte of a segment or hint it hits, a key answers what it should or kCorruption, never an older
// value and never "not found"; neither merges nor another start change that.
//
// Every `stride`-th byte is tried. `tried`, if given, is how many states of the disk were.
std::optional<Finding> explore_rot(std::uint64_t stride = 7, std::uint64_t* tried = nullptr);

}  // namespace kv::torture
