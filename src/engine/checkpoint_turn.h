#pragma once

#include <chrono>
#include <cstdint>

namespace kv::engine {

// When the next checkpoint is written: once enough records came that the last one does not cover,
// and writers are quiet, for every change beside a checkpoint's snapshot is kept twice; they are
// not waited for for ever. After one that failed there is a pause, which doubles with every
// failure.
//
// Needs no clock but the one it is given. One thread at a time.
class CheckpointTurn {
 public:
  using Clock = std::chrono::steady_clock;
  static constexpr std::chrono::minutes kPauseMin{1};
  static constexpr std::chrono::minutes kPauseMax{10};

  // At least so many records are worth a checkpoint.
  explicit CheckpointTurn(std::uint64_t records_min) : records_min_(records_min) {}

  struct Look {
    std::uint64_t records = 0;  // sealed, and in no checkpoint
    std::uint64_t keys = 0;
    std::uint64_t writes = 0;  // since the store was opened
  };
  // Asked every tick: is it time now?
  bool has_come(const Look& look, Clock::time_point now);
  // How the one that was written then ended.
  void note_end(bool has_failed, Clock::time_point now);

 private:
  const std::uint64_t records_min_;
  std::uint64_t writes_seen_ = 0;  // at the last tick
  std::uint64_t busy_ticks_ = 0;   // for which a checkpoint has been due
  Clock::time_point not_before_{};
  Clock::duration pause_ = kPauseMin;  // after the next failure
};

}  // namespace kv::engine
