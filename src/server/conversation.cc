#include "server/conversation.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "protocol/reply.h"
#include "server/error_reply.h"
#include "server/help_text.h"

namespace kv::server {

namespace {

using protocol::RequestParser;
using protocol::Verb;

// Payloads from here on are counted in the server's budget while they arrive.
constexpr std::uint64_t kCountedPayloadMin = 64 * 1024;

}  // namespace

struct Conversation::Slot {
  std::string tag;
  Verb verb = Verb::kPut;
  std::uint64_t count = 0;  // BPUT: its items
  std::uint64_t held = 0;   // of the budget
  std::string text;         // the reply
  bool is_done = false;
};

struct Conversation::Stream {
  Cursor cursor;
  std::uint64_t count = 0;
  std::optional<Result<Cursor::Step>> deferred_step;
};

Conversation::Conversation(const Shared& shared, Host& host, Clock::time_point now)
    : shared_(shared),
      host_(host),
      parser_(shared.options.limits),
      last_input_(now),
      last_sent_(now),
      request_start_(now) {}

Conversation::~Conversation() {
  std::uint64_t held = output_held_ + payload_held_;
  for (const Slot& slot : slots_) held += slot.held;
  shared_.budget.give_back(held);
}

bool Conversation::wants_input() const {
  return needs_bytes_ && end_ == End::kOpen && !has_input_ended_ && !is_busy() &&
         output_.size() + unsent_ <= shared_.options.output_max &&
         slots_.size() < shared_.options.limits.inflight_max;
}

std::span<char> Conversation::input() { return parser_.buffer(); }

void Conversation::received(std::size_t size, Clock::time_point now) {
  if (!parser_.is_mid_request()) {
    request_start_ = now;
    request_bytes_ = 0;
  }
  request_bytes_ += size;
  last_input_ = now;
  shared_.counters.bytes_in.fetch_add(size, std::memory_order_relaxed);
  parser_.commit(size);
  run();
}

void Conversation::received_end(Clock::time_point now) {
  last_input_ = now;
  has_input_ended_ = true;
  run();
}

std::string Conversation::take_output() {
  if (unsent_ == 0) last_sent_ = std::max(last_sent_, last_input_);
  unsent_ += output_.size();
  return std::exchange(output_, {});
}

void Conversation::sent(std::size_t size, Clock::time_point now) {
  unsent_ -= size;
  last_sent_ = now;
  shared_.counters.bytes_out.fetch_add(size, std::memory_order_relaxed);
  if (unsent_ == 0 && output_.empty()) shared_.budget.give_back(std::exchange(output_held_, 0));
  run();
}

Conversation::End Conversation::end() const {
  return slots_.empty() && !is_deferred_ && output_.empty() && unsent_ == 0 ? end_ : End::kOpen;
}

void Conversation::close_after_output(End how) {
  if (end_ == End::kOpen) end_ = how;
}

void Conversation::run() {
  const std::size_t before = output_.size();
  for (;;) {
    emit_slots();
    if (end_ != End::kOpen || is_deferred_) break;
    if (stream_) {
      pump_range(ReadMode::kNoWait);
      if (stream_ || is_deferred_) break;
      continue;
    }
    if (has_held_request_) {
      if (!slots_.empty()) break;
      has_held_request_ = false;
      execute();
      continue;
    }
    if (!run_parser()) break;
  }
  account_output(before);
}

// Takes one event from the parser. False: nothing more can be done now.
bool Conversation::run_parser() {
  const bool is_over_output = output_.size() + unsent_ > shared_.options.output_max;
  if (is_over_output || slots_.size() >= shared_.options.limits.inflight_max) {
    shared_.counters.backpressure_inflight.fetch_add(1, std::memory_order_relaxed);
    return false;
  }
  needs_bytes_ = false;
  switch (parser_.next()) {
    case RequestParser::Event::kNeedBytes: {
      needs_bytes_ = true;
      account_payload();
      const bool is_over = has_input_ended_ || (is_draining_ && !parser_.is_mid_request());
      if (is_over && slots_.empty()) close_after_output(End::kClose);
      return false;
    }
    case RequestParser::Event::kRequest:
      execute();
      return true;
    case RequestParser::Event::kRefused:
      reply_refused();
      return true;
    case RequestParser::Event::kFatal:
      if (parser_.refusal().find("WRONG_PROTOCOL") != std::string_view::npos) {
        shared_.counters.wrong_protocol.fetch_add(1, std::memory_order_relaxed);
        if (shared_.options.log) {
          shared_.options.log(Event::Level::kWarning, "wrong protocol",
                              "a client speaks TLS to this plain-text port");
        }
      }
      reply_refused();
      close_after_output(parser_.farewell() == RequestParser::Farewell::kDrainBriefly
                             ? End::kDrainBriefly
                             : End::kClose);
      return true;
  }
  return false;
}

void Conversation::reply_refused() {
  shared_.counters.refused.fetch_add(1, std::memory_order_relaxed);
  shared_.budget.give_back(std::exchange(payload_held_, 0));
  Slot slot;
  slot.text = parser_.refusal();
  slot.is_done = true;
  slots_.push_back(std::move(slot));
}

// The payload that is arriving must fit what all connections may hold.
void Conversation::account_payload() {
  const std::uint64_t pending = parser_.payload_pending();
  if (pending < kCountedPayloadMin || pending <= payload_held_) return;
  if (shared_.budget.take(pending - payload_held_)) {
    payload_held_ = pending;
    return;
  }
  shared_.counters.backpressure_memory.fetch_add(1, std::memory_order_relaxed);
  parser_.refuse_current("TRY_LATER", "retry_ms=25 reason=memory",
                         "too many bytes are under way in this server");
  shared_.budget.give_back(std::exchange(payload_held_, 0));
}

void Conversation::account_output(std::size_t before) {
  if (output_.size() < before + kCountedPayloadMin) return;
  shared_.budget.add(output_.size() - before);
  output_held_ += output_.size() - before;
}

void Conversation::execute() {
  const protocol::Request& request = parser_.request();
  if (is_draining_) {
    Slot slot;
    protocol::append_error(slot.text, request.tag, "SHUTTING_DOWN", protocol::Applied::kNo, "",
                           "this server is stopping; try another or later");
    slot.is_done = true;
    slots_.push_back(std::move(slot));
    close_after_output(End::kClose);
    return;
  }
  const bool is_write =
      request.verb == Verb::kPut || request.verb == Verb::kDel || request.verb == Verb::kBput;
  if (!is_write && !slots_.empty()) {
    has_held_request_ = true;
    return;
  }
  shared_.counters.requests[static_cast<std::size_t>(request.verb)].fetch_add(
      1, std::memory_order_relaxed);
  if (is_write) {
    start_write();
  } else {
    execute_read();
  }
}

void Conversation::start_write() {
  const protocol::Request& request = parser_.request();
  if (request.condition.kind != Condition::Kind::kAlways) {
    // Judging the condition reads the key's record: have it in memory before a place in the log is
    // taken.
    auto probe = shared_.store.get(request.key, ReadMode::kNoWait);
    if (!probe && probe.error().code == Errc::kWouldBlock) {
      shared_.counters.reads_deferred.fetch_add(1, std::memory_order_relaxed);
      is_deferred_ = has_held_request_ = true;
      host_.defer([this, key = std::string(request.key)] {
        // Its outcome is judged again by the write itself.
        [[maybe_unused]] const auto warmed = shared_.store.get(key, ReadMode::kMayBlock);
      });
      return;
    }
  }
  Slot slot;
  slot.tag = request.tag;
  slot.verb = request.verb;
  slot.count = request.pairs.size();
  slot.held = std::exchange(payload_held_, 0);
  slots_.push_back(std::move(slot));
  Write write;
  write.options.condition = request.condition;
  write.options.sync = request.sync;
  const std::uint64_t number = first_slot_ + slots_.size() - 1;
  if (request.verb == Verb::kBput) {
    Batch batch;
    for (const auto& [key, value] : request.pairs) batch.put(key, value);
    write.kind = Write::Kind::kBatch;
    write.batch = &batch;
    host_.submit(write, number);
    return;
  }
  write.kind = request.verb == Verb::kPut ? Write::Kind::kPut : Write::Kind::kDelete;
  write.key = request.key;
  write.value = request.value;
  write.owner = request.payload_owner;
  host_.submit(write, number);
}

void Conversation::written(std::uint64_t request, Result<WriteResult> result,
                           Clock::time_point /*now*/) {
  Slot& slot = slots_[request - first_slot_];
  if (!result) {
    shared_.counters.refused.fetch_add(1, std::memory_order_relaxed);
    append_error_reply(slot.text, slot.tag, result.error());
  } else if (!result->was_found) {
    protocol::append_not_found(slot.text, slot.tag);
  } else if (slot.verb == Verb::kBput) {
    protocol::append_ok(slot.text, slot.tag,
                        fmt::format("count={} ver={}", slot.count, result->version));
  } else {
    protocol::append_written(slot.text, slot.tag, result->version);
  }
  slot.is_done = true;
  run();
}

void Conversation::emit_slots() {
  while (!slots_.empty() && slots_.front().is_done) {
    output_ += slots_.front().text;
    shared_.budget.give_back(slots_.front().held);
    slots_.pop_front();
    first_slot_ += 1;
  }
}

void Conversation::execute_read() {
  const protocol::Request& request = parser_.request();
  switch (request.verb) {
    case Verb::kGet:
      return start_get(ReadMode::kNoWait);
    case Verb::kRange:
    case Verb::kPrefix:
      return start_range();
    case Verb::kPing:
      if (!request.has_echo) return protocol::append_ok(output_, request.tag);
      protocol::append_value_header(output_, request.tag, request.key.size(), std::nullopt);
      output_.append(request.key).append("\n");
      return;
    case Verb::kHello:
      return answer_hello();
    case Verb::kStats:
      return protocol::append_info(output_, request.tag,
                                   host_.stats(request.is_json, request.section));
    case Verb::kHelp:
      return protocol::append_info(output_, request.tag, help_text());
    case Verb::kMerge:
      return protocol::append_error(output_, request.tag, "BAD_ARG", protocol::Applied::kNo,
                                    "arg=MERGE", "this version does not merge segments yet");
    case Verb::kQuit:
      protocol::append_ok(output_, request.tag, "bye");
      return close_after_output(End::kClose);
    case Verb::kPut:
    case Verb::kDel:
    case Verb::kBput:
      return;
  }
}

void Conversation::answer_hello() {
  const protocol::Limits& limits = shared_.options.limits;
  protocol::append_ok(
      output_, parser_.request().tag,
      fmt::format("v=1 server=kv/{} role=leader max_header={} max_key={} max_value={} max_batch={} "
                  "max_inflight={} feats=range,prefix,bput,cas,sync",
                  shared_.options.version, limits.header_max, limits.key_max, limits.value_max,
                  limits.batch_max, limits.inflight_max));
}

void Conversation::start_get(ReadMode mode) {
  const protocol::Request& request = parser_.request();
  if (shared_.budget.is_full()) {
    shared_.counters.backpressure_memory.fetch_add(1, std::memory_order_relaxed);
    protocol::append_error(output_, request.tag, "TRY_LATER", protocol::Applied::kNo,
                           "retry_ms=25 reason=memory",
                           "too many bytes are under way in this server");
    return;
  }
  auto value = shared_.store.get(request.key, mode);
  if (value || value.error().code != Errc::kWouldBlock) return finish_get(std::move(value));
  shared_.counters.reads_deferred.fetch_add(1, std::memory_order_relaxed);
  is_deferred_ = true;
  host_.defer([this, key = std::string(request.key)] {
    deferred_value_ = shared_.store.get(key, ReadMode::kMayBlock);
  });
}

void Conversation::finish_get(Result<std::optional<Value>> value) {
  const protocol::Request& request = parser_.request();
  if (!value) {
    append_error_reply(output_, request.tag, value.error());
  } else if (!*value) {
    protocol::append_not_found(output_, request.tag);
  } else {
    protocol::append_value_header(output_, request.tag, (*value)->bytes.size(), (*value)->version);
    output_.append((*value)->bytes).append("\n");
  }
}

void Conversation::start_range() {
  const protocol::Request& request = parser_.request();
  RangeOptions options;
  if (request.verb == Verb::kPrefix) {
    options = prefix_range(request.key);
  } else {
    options.start = request.key;
    if (!request.value.empty()) options.end = std::string(request.value);
  }
  options.limit = request.limit;
  if (request.bytes_max > 0) options.bytes_max = request.bytes_max;
  options.is_reverse = request.is_reverse;
  options.is_keys_only = request.is_keys_only;
  stream_.reset(new Stream{shared_.store.range(std::move(options)), 0, std::nullopt});
}

void Conversation::pump_range(ReadMode mode) {
  const protocol::Request& request = parser_.request();
  Stream& stream = *stream_;
  while (output_.size() + unsent_ <= shared_.options.output_max) {
    auto step = stream.deferred_step ? *std::exchange(stream.deferred_step, std::nullopt)
                                     : stream.cursor.next(mode);
    if (!step) {
      append_aborted(output_, request.tag, step.error());
      return stream_.reset();
    }
    if (*step == Cursor::Step::kEnd) {
      protocol::append_end(output_, request.tag, stream.count, stream.cursor.has_more());
      return stream_.reset();
    }
    if (*step == Cursor::Step::kWouldBlock) {
      shared_.counters.reads_deferred.fetch_add(1, std::memory_order_relaxed);
      is_deferred_ = true;
      host_.defer([&stream] { stream.deferred_step = stream.cursor.next(ReadMode::kMayBlock); });
      return;
    }
    const Item& item = stream.cursor.item();
    if (request.is_keys_only) {
      protocol::append_key(output_, request.tag, item.key);
    } else {
      protocol::append_item(output_, request.tag, item.key, item.value, item.version);
    }
    stream.count += 1;
  }
}

void Conversation::resumed(Clock::time_point /*now*/) {
  is_deferred_ = false;
  if (deferred_value_) {
    finish_get(*std::exchange(deferred_value_, std::nullopt));
  } else if (has_held_request_) {
    has_held_request_ = false;
    execute();
  }
  run();
}

void Conversation::tick(Clock::time_point now) {
  const ServerOptions& options = shared_.options;
  if (unsent_ > 0 && now - last_sent_ > options.slow_reader_timeout) {
    shared_.counters.slow_readers.fetch_add(1, std::memory_order_relaxed);
    if (options.log) {
      options.log(Event::Level::kWarning, "slow reader cut off",
                  fmt::format("unsent_bytes={}", unsent_));
    }
    is_cut_off_ = true;
    return;
  }
  if (end_ != End::kOpen || !wants_input()) return;
  if (!parser_.is_mid_request()) {
    const bool is_idle = slots_.empty() && unsent_ == 0 && output_.empty();
    if (options.idle_timeout.count() > 0 && is_idle && now - last_input_ > options.idle_timeout) {
      close_after_output(End::kClose);
    }
    return;
  }
  const auto age = now - request_start_;
  const double seconds = std::chrono::duration<double>(age).count();
  const bool is_trickling =
      age > options.read_timeout &&
      static_cast<double>(request_bytes_) < seconds * static_cast<double>(options.read_rate_min);
  if (now - last_input_ > options.read_timeout || is_trickling) {
    shared_.counters.read_timeouts.fetch_add(1, std::memory_order_relaxed);
    Slot slot;
    protocol::append_error(slot.text, "", "READ_TIMEOUT", protocol::Applied::kNo, "",
                           "the rest of the request did not come in time");
    slot.is_done = true;
    slots_.push_back(std::move(slot));
    close_after_output(End::kClose);
    run();
  }
}

void Conversation::drain(bool is_reading) {
  is_draining_ = true;
  if (!is_reading) return run();
  // Between requests, or in one that is still arriving: it would be refused anyway.
  close_after_output(End::kClose);
}

}  // namespace kv::server
