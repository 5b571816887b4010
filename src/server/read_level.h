#pragma once

#include <chrono>

#include "kv/store.h"

namespace kv::server {

// What a read at a member of a cluster asks for. One of the two, or neither: then it is
// linearizable, it sees all that was acknowledged before it was sent.
struct ReadLevel {
  // Everything up to this version, whatever came since; 0: not asked for. `patience`: how long to
  // wait for it.
  Version min_version = 0;
  std::chrono::milliseconds patience{0};
  // Not 0: the version's record has to be the one that was acknowledged in that term.
  std::uint64_t epoch = 0;
  // Everything that was acknowledged so long ago; 0: not asked for.
  std::chrono::milliseconds stale_max{0};

  friend bool operator==(const ReadLevel&, const ReadLevel&) = default;
};

}  // namespace kv::server
