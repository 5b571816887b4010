// What a conversation does because time has passed.

#include <fmt/format.h>

#include "server/conversation.h"

namespace kv::server {

namespace {

// A client that takes so much within the timeout is slow, but not stuck.
constexpr std::uint64_t kProgressMin = 64 * 1024;

}  // namespace

void Conversation::tick() {
  now_ = context_.now();
  // Others may have given memory back, and nobody tells those who wait for it.
  const bool has_stream = is_streaming_ && !awaits_slow_task_;
  if (has_stream || is_short_of_memory_) run();
  if (phase_ == Phase::kTalking) check_reading(now_);
  if (phase_ != Phase::kCut) check_slow_reader(now_);
}

void Conversation::check_reading(Time now) {
  const ServerOptions& options = context_.options;
  if (!wants_input() || !is_mid_request()) {
    last_received_ = receive_start_ = now;
    receive_bytes_ = 0;
    const bool is_idle_too_long =
        options.idle_timeout.count() > 0 && is_idle() && now - last_active_ >= options.idle_timeout;
    if (!is_idle_too_long) return;
    context_.counters.idle_timeouts.add();
    phase_ = Phase::kFinishing;
    return;
  }
  if (is_draining_ && now - last_received_ >= options.drain_stall) {
    finish_with("SHUTTING_DOWN", "the server is stopping");
    return;
  }
  if (options.read_timeout.count() == 0) return;
  const auto elapsed = std::chrono::duration<double>(now - receive_start_);
  const bool is_stalled = now - last_received_ >= options.read_timeout;
  const bool is_trickle = elapsed >= options.read_timeout &&
                          static_cast<double>(receive_bytes_) <
                              elapsed.count() * static_cast<double>(options.read_rate_min);
  if (!is_stalled && !is_trickle) return;
  context_.counters.read_timeouts.add();
  finish_with("READ_TIMEOUT", "the rest of the request did not come in time");
}

bool Conversation::is_over_output_limit() const {
  if (phase_ == Phase::kFinishing) return !output_.empty();
  if (is_streaming_ && !awaits_slow_task_) return output_.size() >= stream_ahead_max();
  // Of all connections: whoever does not read keeps the others waiting.
  if (is_short_of_memory_ && !output_.empty()) return true;
  return output_.size() >= context_.options.output_max;
}

// No SLOW_READER line: what is stuck would stand before it, perhaps in the middle of a value.
void Conversation::check_slow_reader(Time now) {
  if (!is_over_output_limit() || taken_since_stuck_ >= kProgressMin) {
    stuck_since_ = now;
    taken_since_stuck_ = 0;
    return;
  }
  if (now - stuck_since_ < context_.options.slow_reader_timeout) return;
  phase_ = Phase::kCut;
  context_.counters.slow_readers.add();
  context_.log.tell(Event::Level::kWarning, "slow reader cut off",
                    fmt::format("output_bytes={}", output_.size()), now);
}

}  // namespace kv::server
