#pragma once

#include <cstdint>

#include "io/file_system.h"
#include "kv/store.h"

namespace kv::engine {

// What a disk that runs full still lets happen. Room is kept back for what gives room: deletes, and
// most of all merges.
//
//   free >= reserve       everything
//   free <  reserve       puts are refused; deletes and merges go on      SpaceState::kFull
//   free <  reserve / 4   merges alone                                    SpaceState::kMergesOnly
//
// Back to puts only at reserve * 5/4, so that the state does not flap. Needs no clock and makes no
// call. One thread at a time.
class SpaceGuard {
 public:
  // 0: as default_reserve() says for the disk that it is told of first.
  explicit SpaceGuard(std::uint64_t reserve) : wanted_reserve_(reserve) {}

  static std::uint64_t default_reserve(const io::Space& space, std::uint64_t segment_size_max);
  // `wanted`, or the default when that is 0.
  static std::uint64_t reserve_of(std::uint64_t wanted, const io::Space& space,
                                  std::uint64_t segment_size_max);

  // True: the state has changed. `was_refused`: since the last call a write found no room, however
  // small the rest is that is there.
  bool note(const io::Space& space, std::uint64_t segment_size_max, bool was_refused);

  SpaceState state() const { return state_; }
  std::uint64_t reserve() const { return reserve_; }
  // Bytes that puts may take until the next note().
  std::uint64_t room() const { return room_; }

 private:
  const std::uint64_t wanted_reserve_;
  std::uint64_t reserve_ = 0;
  std::uint64_t room_ = UINT64_MAX;
  SpaceState state_ = SpaceState::kNormal;
};

}  // namespace kv::engine
