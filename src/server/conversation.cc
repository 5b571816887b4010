#include "server/conversation.h"

#include <algorithm>

#include <fmt/format.h>

#include "protocol/foreign_protocol.h"
#include "server/error_reply.h"
#include "server/read_rounds.h"

namespace kv::server {

namespace {

// Of the parser's memory, not counted: every connection has as much.
constexpr std::uint64_t kFreeParserMemory = 64 * 1024;

}  // namespace

Conversation::Conversation(ConversationContext& context, std::uint64_t id)
    : context_(context),
      id_(id),
      replies_(output_),
      output_lease_(context.output_memory),
      now_(context.now()),
      request_lease_(context.request_memory),
      last_active_(now_),
      receive_start_(now_),
      last_received_(now_),
      stuck_since_(now_) {}

Conversation::~Conversation() = default;

void Conversation::run() {
  wants_turn_ = false;
  for (;;) {
    if (is_streaming_ && !awaits_slow_task_) continue_stream();
    if (phase_ != Phase::kTalking || is_blocked()) break;
    if (!reads_.empty()) {
      if (has_confirmation(gathered_level_)) read_gathered();
      continue;
    }
    if (held_parsed_) {
      carry_out(*std::exchange(held_parsed_, std::nullopt));
      continue;
    }
    const bool has_request = request_is_held_ || request_waits_;
    const bool must_wait = has_request ? request_waits_ && !replies_.empty() : needs_bytes_;
    if (must_wait) break;
    if (has_request) {
      request_is_held_ = request_waits_ = false;
      execute_confirmed();
    } else {
      parse_next();
    }
  }
  output_lease_.hold(output_memory());
}

// True: reads may be answered, or the reply is known that they get.
bool Conversation::has_confirmation(const ReadLevel& level) {
  if (context_.read_rounds == nullptr || confirmation_ == Confirmation::kRefused) return true;
  if (confirmation_ == Confirmation::kAwaited) return false;
  if (confirmation_ == Confirmation::kGiven && level.min_version == 0) return true;
  if (confirmation_ == Confirmation::kVersionGiven) {
    confirmation_ = Confirmation::kNone;
    if (level == awaited_level_) return true;
  }
  if (context_.read_rounds->covers(level)) {
    if (level == ReadLevel{}) confirmation_ = Confirmation::kGiven;
    return true;
  }
  confirmation_ = Confirmation::kAwaited;
  awaited_level_ = level;
  context_.read_rounds->join(id_, level);
  return false;
}

void Conversation::execute_confirmed() {
  if (context_.read_rounds == nullptr || !is_read()) return execute();
  if (!has_confirmation(read_level())) {
    request_is_held_ = true;
  } else if (confirmation_ == Confirmation::kRefused) {
    replies_.add([this](std::string& out) { append_failure(out, pending_tag(), unconfirmed_); });
    note_refused();
  } else {
    execute();
  }
}

// A read behind it sees more than what was asked about so far: a write that this disk alone has is
// waited for only by rounds that begin later.
void Conversation::outdate_confirmation() {
  if (confirmation_ == Confirmation::kGiven) confirmation_ = Confirmation::kNone;
  is_round_outdated_ = confirmation_ == Confirmation::kAwaited;
}

// A round that failed would fail for others that came along, too; who waited for a version was
// alone.
void Conversation::note_refused() {
  if (awaited_level_.min_version > 0) confirmation_ = Confirmation::kNone;
}

void Conversation::reads_confirmed(const Result<void>& result) {
  now_ = context_.now();
  // That a version is there says nothing to others.
  const bool is_round = awaited_level_.min_version == 0;
  const bool is_outdated = std::exchange(is_round_outdated_, false) && is_round;
  confirmation_ = !result       ? Confirmation::kRefused
                  : is_outdated ? Confirmation::kNone
                  : is_round    ? Confirmation::kGiven
                                : Confirmation::kVersionGiven;
  if (!result) unconfirmed_ = result.error();
  run();
}

bool Conversation::is_blocked() {
  if (is_streaming_ || awaits_slow_task_ || confirmation_ == Confirmation::kAwaited) return true;
  const std::uint64_t memory = output_memory();
  output_lease_.hold(memory);
  const bool has_many = replies_.size() >= context_.options.limits.inflight_max;
  const bool has_much = output_.size() + replies_.text_size() >= context_.options.output_max;
  is_short_of_memory_ = memory >= MemoryLease::kStep && context_.output_memory.is_exhausted();
  const bool was_paused = std::exchange(is_paused_, has_many || has_much || is_short_of_memory_);
  if (is_paused_ && !was_paused) {
    Counters& counters = context_.counters;
    if (has_many) {
      counters.paused_by_inflight.add();
    } else {
      (has_much ? counters.paused_by_output : counters.paused_by_memory).add();
    }
  }
  return is_paused_;
}

std::uint64_t Conversation::output_memory() const {
  return output_.size() + replies_.memory_used();
}

// For a reply of this size. A small one is always said, so that every client can ask what is wrong.
bool Conversation::try_hold_output(std::uint64_t more) {
  if (more < MemoryLease::kStep) return true;
  return output_lease_.try_hold(output_memory() + more, MemoryLease::Alone::kAnySize);
}

// Reads that came together are gathered, to wait for the memory of all of them at once.
void Conversation::parse_next() {
  Parsed parsed = parse();
  const bool may_gather = replies_.empty() && !is_draining_;
  while (may_gather && parsed == Parsed::kRequest && !reads_.is_full() && gather()) {
    has_parsed_one_ = true;
    parsed = parse();
  }
  if (reads_.empty()) {
    carry_out(parsed);
  } else {
    held_parsed_ = parsed;
  }
}

void Conversation::carry_out(Parsed parsed) {
  switch (parsed) {
    case Parsed::kNeedBytes:
      parsed_all();
      return;
    case Parsed::kRequest:
      has_parsed_one_ = true;
      if (is_draining_) {
        finish_with("SHUTTING_DOWN", "the server is stopping");
      } else {
        execute_confirmed();
      }
      return;
    case Parsed::kRefused:
      has_parsed_one_ = true;
      context_.counters.requests_refused.add();
      replies_.add([this](std::string& out) { out += refusal(); });
      if (is_draining_) phase_ = Phase::kFinishing;
      return;
    case Parsed::kFatal:
      break_off();
      return;
  }
}

void Conversation::parsed_all() {
  needs_bytes_ = true;
  if (std::exchange(has_parsed_one_, false) || !is_mid_request()) {
    receive_start_ = now_;
    receive_bytes_ = 0;
  }
  const bool is_payload_due = payload_pending() > 0;
  if (!try_hold_memory(0) && is_payload_due) {
    context_.counters.try_later_memory.add();
    refuse_current("TRY_LATER", kRetryMemory, "too much is on its way in at once");
    request_lease_.hold(request_memory());
  } else if (is_draining_ && is_payload_due) {
    refuse_current("SHUTTING_DOWN", {}, "the server is stopping");
  }
  if (has_input_ended_) phase_ = Phase::kFinishing;
}

void Conversation::break_off() {
  context_.counters.protocol_errors.add();
  if (const auto spoken = protocol::foreign_protocol_of(refusal()); !spoken.empty()) {
    context_.counters.foreign_protocols.add();
    context_.log.tell(Event::Level::kWarning, "wrong protocol",
                      fmt::format("spoken={} action=closed", spoken), now_);
  }
  replies_.add([this](std::string& out) { out += refusal(); });
  phase_ = Phase::kFinishing;
}

void Conversation::finish_with(std::string_view code, std::string_view text) {
  replies_.add([&](std::string& out) { append_refusal(out, pending_tag(), code, {}, text); });
  phase_ = Phase::kFinishing;
}

bool Conversation::is_my_turn() {
  request_waits_ = !replies_.empty();
  return !request_waits_;
}

bool Conversation::hold_write(std::uint64_t bytes) {
  is_warm_ = false;
  if (!try_hold_memory(bytes)) return false;
  inflight_bytes_ += bytes;
  return true;
}

void Conversation::submit(const Write& write, std::uint64_t number) {
  if (context_.options.ack == Ack::kLocal && !write.options.ack) {
    Write local = write;
    local.options.ack = Ack::kLocal;
    return submit(local, number);
  }
  has_unflushed_ = true;
  context_.writes_under_way += 1;
  context_.backend.submit(write, context_.listener, {id_, number});
}

bool Conversation::try_hold_memory(std::uint64_t more) {
  // One request may be as large as it likes; several must share.
  const auto alone =
      inflight_bytes_ == 0 ? MemoryLease::Alone::kAnySize : MemoryLease::Alone::kWithinBudget;
  return request_lease_.try_hold(request_memory() + more, alone);
}

std::uint64_t Conversation::request_memory() const {
  const std::uint64_t used = parser_memory();
  return inflight_bytes_ + (used > kFreeParserMemory ? used - kFreeParserMemory : 0);
}

bool Conversation::wants_input() const {
  return phase_ == Phase::kTalking && needs_bytes_ && !has_input_ended_ && !request_waits_ &&
         !request_is_held_ && !is_streaming_ && !awaits_slow_task_ && !is_paused_ &&
         confirmation_ != Confirmation::kAwaited;
}

void Conversation::received(std::size_t size) {
  now_ = last_active_ = last_received_ = context_.now();
  receive_bytes_ += size;
  context_.counters.bytes_received.add(size);
  commit(size);
  needs_bytes_ = false;
  confirmation_ = Confirmation::kNone;
  run();
}

void Conversation::input_ended() {
  now_ = context_.now();
  has_input_ended_ = true;
  if (needs_bytes_ && phase_ == Phase::kTalking) phase_ = Phase::kFinishing;
}

void Conversation::slow_task_finished(SlowTask& task) {
  now_ = context_.now();
  awaits_slow_task_ = false;
  task.finish(*this);
  run();
}

void Conversation::go_on() {
  now_ = context_.now();
  run();
}

void Conversation::sent(std::size_t size) {
  now_ = last_active_ = context_.now();
  taken_since_stuck_ += size;
  context_.counters.bytes_sent.add(size);
  run();
}

void Conversation::drain() {
  is_draining_ = true;
  // A request half received is refused as soon as its size is known; see parsed_all().
  if (needs_bytes_ && phase_ == Phase::kTalking) parsed_all();
}

bool Conversation::is_idle() const {
  return replies_.empty() && output_.empty() && !request_waits_ && !is_streaming_ &&
         !awaits_slow_task_ && confirmation_ != Confirmation::kAwaited && needs_bytes_ &&
         !is_mid_request();
}

Conversation::End Conversation::end() const {
  if (phase_ == Phase::kCut) return End::kCut;
  const bool is_finished = phase_ == Phase::kFinishing && replies_.empty() && output_.empty();
  if (!is_finished) return End::kOpen;
  return has_input_ended_ ? End::kClose : End::kLinger;
}

}  // namespace kv::server
