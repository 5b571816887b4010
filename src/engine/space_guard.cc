#include "engine/space_guard.h"

#include <algorithm>

namespace kv::engine {

std::uint64_t SpaceGuard::default_reserve(const io::Space& space, std::uint64_t segment_size_max) {
  constexpr std::uint64_t kShareOfDisk = 8;
  return std::min(2 * segment_size_max, space.total_bytes / kShareOfDisk);
}

std::uint64_t SpaceGuard::reserve_of(std::uint64_t wanted, const io::Space& space,
                                     std::uint64_t segment_size_max) {
  return wanted > 0 ? wanted : default_reserve(space, segment_size_max);
}

bool SpaceGuard::note(const io::Space& space, std::uint64_t segment_size_max, bool was_refused) {
  reserve_ = reserve_of(wanted_reserve_, space, segment_size_max);
  const std::uint64_t free = space.free_bytes;
  const SpaceState before = state_;
  const bool is_calm = before == SpaceState::kNormal && !was_refused;
  const std::uint64_t enough = is_calm ? reserve_ : reserve_ / 4 * 5;
  state_ = free < reserve_ / 4 ? SpaceState::kMergesOnly
           : free < enough     ? SpaceState::kFull
                               : SpaceState::kNormal;
  room_ = state_ == SpaceState::kNormal ? free - std::min(free, reserve_) : 0;
  return state_ != before;
}

}  // namespace kv::engine
