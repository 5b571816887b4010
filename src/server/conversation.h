#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "kv/batch.h"
#include "kv/store.h"
#include "protocol/parser.h"
#include "server/backend.h"
#include "server/counters.h"
#include "server/event_log.h"
#include "server/memory_budget.h"
#include "server/output_buffer.h"
#include "server/range_stream.h"
#include "server/reply_queue.h"
#include "server/server_options.h"
#include "server/slow_work.h"
#include "server/stats_source.h"

namespace kv::server {

// What the conversations of one reactor share. Outlives them.
struct ConversationContext {
  const ServerOptions& options;
  const std::string& hello;  // fields of HELLO's reply
  Backend& backend;
  WriteListener& listener;  // of their writes; passes each on to written()
  SlowWork& slow_work;
  const StatsSource& stats;
  Counters& counters;
  EventLog& log;
  MemoryBudget& request_memory;
  MemoryBudget& output_memory;
  std::function<Time()> now;
  std::uint64_t writes_under_way = 0;  // submitted and not acknowledged
};

// One connection's side of the protocol, without its socket: bytes in, requests carried out, reply
// bytes out in request order. Driven from outside by one thread: bytes received, writes
// acknowledged, slow work finished, output taken, time passed. It never calls back but into its
// context.
//
// Writes are submitted as they come, without waiting for each other; whoever drives it flushes the
// backend and then calls go_on(). A read waits until all earlier requests are answered, so that a
// connection reads its own writes; what comes after a waiting request stays in the parser, and the
// socket is not read meanwhile. Memory: the request under way, writes not acknowledged (at most
// Limits::inflight_max), output up to its watermark and one value more. When the output of all
// connections together takes too much, each that has some waits until its client took it, or
// others had theirs taken.
class Conversation {
 public:
  Conversation(ConversationContext& context, std::uint64_t id);
  ~Conversation();
  Conversation(const Conversation&) = delete;
  Conversation& operator=(const Conversation&) = delete;

  // Input. Read into buffer() only while wants_input(); it stays valid until received().
  bool wants_input() const;
  std::span<char> buffer();
  void received(std::size_t size);
  void input_ended();  // the peer sends no more; it is answered all that it has asked for

  // The write submitted under {id, request}. Call go_on() after a batch of them.
  void written(std::uint64_t request, const Result<WriteResult>& result);
  void slow_task_finished(SlowTask& task);
  // Carries out what had to wait, as far as it can be now.
  void go_on();
  // go_on() would bring more output at once; there was only enough for now.
  bool wants_turn() const { return wants_turn_; }
  // Writes were submitted since the last call: the backend is to be flushed, then go_on().
  bool take_unflushed() { return std::exchange(has_unflushed_, false); }

  // Output. Call sent() after taking from it.
  OutputBuffer& output() { return output_; }
  void sent(std::size_t size);

  // Looks at the time; call it every ServerOptions::tick or so.
  void tick();
  // New requests are answered SHUTTING_DOWN from now on.
  void drain();
  // Neither a request nor a reply is under way.
  bool is_idle() const;

  enum class End {
    kOpen,
    kClose,   // everything is said and sent, and the peer sends no more: close
    kLinger,  // everything is said and sent; the peer may be sending: shut down the sending side
              // and read what comes for a second at most, or the last reply may be lost to a reset
    kCut,     // close at once
  };
  End end() const;

 private:
  class AwaitedMerge;
  class ColdGet;
  class ColdRange;
  class InspectTask;
  class UpkeepTask;
  class StatsTask;
  class Warming;

  bool is_blocked();
  void run();
  void parse_next();
  void parsed_all();
  void break_off();
  void finish_with(std::string_view tag, std::string_view code, std::string_view text);

  void execute(const protocol::Request& request);
  void say(const protocol::Request& request);
  void submit_write(const protocol::Request& request);
  void fill_write(const protocol::Request& request, Write& write);
  void get(const protocol::Request& request);
  void answer_get(std::string_view tag, Result<std::optional<Value>> value, Time start);
  void start_range(const protocol::Request& request);
  void run_stream();
  void continue_cold(std::size_t size);
  void take_chunk(std::unique_ptr<RangeStream> stream, std::string chunk, RangeStream::State state);
  void end_stream();
  void warm(const protocol::Request& request);
  bool must_warm(const protocol::Request& request) const;
  void start_stats(const protocol::Request& request);
  void answer_stats(std::string_view tag, const std::optional<std::string>& page, Time start);
  void merge(const protocol::Request& request);
  void start_merge(const protocol::Request& request);
  void answer_merge(std::string_view tag, const Result<MergeSummary>& outcome, Time start);
  void start_inspect(const protocol::Request& request);
  void start_upkeep(const protocol::Request& request);
  void answer_text(protocol::Verb verb, std::string_view tag, const Result<std::string>& text,
                   Time start);
  void start_slow(std::unique_ptr<SlowTask> task, const protocol::Request& request);
  void start_long(std::unique_ptr<SlowTask> task, const protocol::Request& request);

  void refuse_later(protocol::Verb verb, std::string_view tag, std::string_view fields);
  void count(protocol::Verb verb, Time start);
  void count_error(protocol::Verb verb) { context_.counters.of(verb).errors.add(); }
  std::uint64_t request_memory() const;
  bool try_hold_memory(std::uint64_t more);
  std::uint64_t output_memory() const;
  bool try_hold_output(std::uint64_t more);
  std::size_t stream_ahead_max() const;

  bool is_over_output_limit() const;
  void check_reading(Time now);
  void check_slow_reader(Time now);

  ConversationContext& context_;
  const std::uint64_t id_;
  protocol::RequestParser parser_;
  OutputBuffer output_;
  ReplyQueue replies_;
  MemoryLease request_lease_;
  MemoryLease output_lease_;
  std::uint64_t inflight_bytes_ = 0;  // payloads of writes not acknowledged
  Batch batch_;

  enum class Phase { kTalking, kFinishing, kCut };
  Phase phase_ = Phase::kTalking;
  bool needs_bytes_ = true;       // the parser has used up all it got
  bool request_waits_ = false;    // the parser's current request waits for earlier ones
  bool request_is_held_ = false;  // it waits for a slow task, not for the replies
  bool awaits_slow_task_ = false;
  bool has_input_ended_ = false;
  bool is_draining_ = false;
  bool wants_turn_ = false;
  bool has_unflushed_ = false;
  bool is_warm_ = false;             // the key of the write that waits was read
  bool is_paused_ = false;           // by back-pressure; counted once
  bool is_short_of_memory_ = false;  // paused, because the output of all takes too much
  bool has_parsed_one_ = false;      // since parsed_all()

  std::unique_ptr<RangeStream> stream_;  // null while a slow task has it
  protocol::Verb stream_verb_ = protocol::Verb::kRange;
  Time stream_start_;
  bool is_streaming_ = false;

  Time now_;            // when the event under way began
  Time last_active_;    // bytes came or went
  Time receive_start_;  // of the request on its way in
  std::uint64_t receive_bytes_ = 0;
  Time last_received_;
  Time stuck_since_;  // output over its limit, and hardly any taken
  std::uint64_t taken_since_stuck_ = 0;
};

}  // namespace kv::server
