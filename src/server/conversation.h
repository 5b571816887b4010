#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "kv/store.h"
#include "protocol/parser.h"
#include "server/counters.h"
#include "server/server_options.h"

namespace kv::server {

// What a conversation asks of the reactor it lives on.
class Host {
 public:
  virtual ~Host() = default;
  // Hands the write to the store; Conversation::written() is called with `request` later, never
  // from inside.
  virtual void submit(const Write& write, std::uint64_t request) = 0;
  // Runs `work` on a thread that may wait, then Conversation::resumed() back on the reactor.
  virtual void defer(std::function<void()> work) = 0;
  virtual std::string stats(bool is_json, std::string_view section) = 0;
};

// What the conversations of one server share.
struct Shared {
  Store& store;
  const ServerOptions& options;
  Counters& counters;
  MemoryBudget& budget;
};

// One client's dialogue: bytes in, requests carried out on the store, replies out in the order of
// the requests. No socket and no clock; whoever drives it says what happened and what time it is.
//
// Writes that follow one another are submitted together; any other request waits until they are
// acknowledged, so that a client reads its own writes, and requests behind it wait for its reply.
// Output ahead of the client is bounded: above Options::output_max no further request is begun, and
// a RANGE pauses.
//
// One thread: its reactor's.
class Conversation {
 public:
  using Clock = std::chrono::steady_clock;
  enum class End { kOpen, kClose, kDrainBriefly };  // what is to be done once all output is sent

  Conversation(const Shared& shared, Host& host, Clock::time_point now);
  ~Conversation();
  Conversation(const Conversation&) = delete;
  Conversation& operator=(const Conversation&) = delete;

  // Input. wants_input() tells whether to read from the client now; while a read into buffer() is
  // under way nothing else is done with the parser.
  bool wants_input() const;
  std::span<char> input();
  void received(std::size_t size, Clock::time_point now);
  void received_end(Clock::time_point now);  // the client sends no more

  // Output. What is to be sent; sent() says how much of it was.
  bool has_output() const { return !output_.empty(); }
  std::string take_output();
  void sent(std::size_t size, Clock::time_point now);

  // Events of the host.
  void written(std::uint64_t request, Result<WriteResult> result, Clock::time_point now);
  void resumed(Clock::time_point now);
  void tick(Clock::time_point now);
  // The server is stopping: answer what was begun, refuse what comes, end.
  void drain(bool is_reading);

  // What is to happen when has_output() is false.
  End end() const;
  bool has_unread_input() const { return !needs_bytes_ || parser_.is_mid_request(); }
  bool is_cut_off() const { return is_cut_off_; }  // close now, whatever is unsent

 private:
  struct Slot;    // a reply that waits for a write, or for those before it
  struct Stream;  // a RANGE on its way

  void run();
  bool run_parser();
  void execute();
  void execute_read();
  void start_write();
  void start_batch();
  void start_get(ReadMode mode);
  void finish_get(Result<std::optional<Value>> value);
  void start_range();
  void pump_range(ReadMode mode);
  void finish_range();
  void answer_hello();
  void reply_refused();
  void emit_slots();
  void account_payload();
  void account_output(std::size_t before);
  void close_after_output(End how);
  bool is_busy() const { return is_deferred_ || stream_ != nullptr || has_held_request_; }

  const Shared shared_;
  Host& host_;
  protocol::RequestParser parser_;

  std::string output_;             // ready to be sent
  std::uint64_t unsent_ = 0;       // taken by take_output(), not yet sent
  std::uint64_t output_held_ = 0;  // of both, what the budget knows of
  std::deque<Slot> slots_;
  std::uint64_t first_slot_ = 0;  // number of slots_.front()
  std::unique_ptr<Stream> stream_;
  std::optional<Result<std::optional<Value>>> deferred_value_;
  std::string deferred_key_;
  std::uint64_t payload_held_ = 0;  // of the request that is arriving

  bool needs_bytes_ = true;        // the parser used up everything
  bool has_held_request_ = false;  // it waits for the writes before it
  bool is_deferred_ = false;
  bool is_draining_ = false;
  bool has_input_ended_ = false;
  bool is_cut_off_ = false;
  End end_ = End::kOpen;

  Clock::time_point last_input_;
  Clock::time_point last_sent_;
  Clock::time_point request_start_;  // when the request that is arriving began
  std::uint64_t request_bytes_ = 0;
};

}  // namespace kv::server
