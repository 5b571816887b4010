#include "engine/checkpoint_turn.h"

#include <algorithm>
#include <utility>

namespace kv::engine {

namespace {

constexpr std::uint64_t kQuietWrites = 1000;  // in a tick
constexpr std::uint64_t kBusyTicksMax = 3000;

}  // namespace

bool CheckpointTurn::has_come(const Look& look, Clock::time_point now) {
  const bool is_quiet = look.writes - std::exchange(writes_seen_, look.writes) < kQuietWrites;
  const bool is_due = look.records >= std::max(records_min_, look.keys / 4);
  busy_ticks_ = is_due ? busy_ticks_ + 1 : 0;
  return is_due && now >= not_before_ && (is_quiet || busy_ticks_ > kBusyTicksMax);
}

void CheckpointTurn::note_end(bool has_failed, Clock::time_point now) {
  not_before_ = has_failed ? now + pause_ : Clock::time_point{};
  pause_ = has_failed ? std::min<Clock::duration>(2 * pause_, kPauseMax) : kPauseMin;
}

}  // namespace kv::engine
