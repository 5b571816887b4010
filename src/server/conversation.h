#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "kv/store.h"
#include "server/backend.h"
#include "server/counters.h"
#include "server/event_log.h"
#include "server/gathered_reads.h"
#include "server/memory_budget.h"
#include "server/output_buffer.h"
#include "server/read_level.h"
#include "server/reply_queue.h"
#include "server/server_options.h"
#include "server/slow_work.h"
#include "server/stats_source.h"

namespace kv::server {

class ClusterMember;
class ReadRounds;
class ScanCursors;

// What the conversations of one reactor share. Outlives them.
struct ConversationContext {
  const ServerOptions& options;
  Backend& backend;
  WriteListener& listener;  // of their writes; passes each on to written()
  SlowWork& slow_work;
  const StatsSource& stats;
  ScanCursors& cursors;
  Counters& counters;
  EventLog& log;
  MemoryBudget& request_memory;
  MemoryBudget& output_memory;
  std::function<Time()> now;
  ClusterMember* cluster = nullptr;  // of a server alone
  ReadRounds* read_rounds = nullptr;
  std::uint64_t writes_under_way = 0;  // submitted and not acknowledged
};

// One connection's side of a protocol, without its socket: bytes in, requests carried out, reply
// bytes out in request order. Driven from outside by one thread: bytes received, writes
// acknowledged, slow work finished, output taken, time passed. It never calls back but into its
// context. Here is what all protocols share, which is the flow of requests and replies; what the
// bytes mean is said by the one that derives: NativeConversation, RespConversation.
//
// Writes are submitted as they come, without waiting for each other; whoever drives it flushes the
// backend and then calls go_on(). A read waits until all earlier requests are answered, so that a
// connection reads its own writes; what comes after a waiting request stays in the parser, and the
// socket is not read meanwhile. On a member of a cluster the first read among the bytes that were
// received asks for a round (ReadRounds), and nothing more is received until it ended: so it began
// after all reads that it confirms. Memory: the request under way, writes not acknowledged (at most
// Limits::inflight_max), output up to its watermark and one value more. When the output of all
// connections together takes too much, each that has some waits until its client took it, or
// others had theirs taken.
class Conversation {
 public:
  virtual ~Conversation();
  Conversation(const Conversation&) = delete;
  Conversation& operator=(const Conversation&) = delete;

  // Input. Read into buffer() only while wants_input(); it stays valid until received().
  bool wants_input() const;
  virtual std::span<char> buffer() = 0;
  void received(std::size_t size);
  void input_ended();  // the peer sends no more; it is answered all that it has asked for

  // The write submitted under {id, request}, acknowledged at `now`. Call go_on() after a batch of
  // them.
  void written(std::uint64_t request, const Result<WriteResult>& result, Time now);
  void slow_task_finished(SlowTask& task);
  void reads_confirmed(const Result<void>& result);
  // Carries out what had to wait, as far as it can be now.
  void go_on();
  // go_on() would bring more output at once; there was only enough for now.
  bool wants_turn() const { return wants_turn_; }
  // Writes were submitted since the last call: the backend is to be flushed, then go_on().
  bool take_unflushed() { return std::exchange(has_unflushed_, false); }

  // Of its writes that are not acknowledged: the payloads.
  std::uint64_t bytes_under_way() const { return inflight_bytes_; }

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

 protected:
  Conversation(ConversationContext& context, std::uint64_t id);

  // What the derived one says of the bytes.
  enum class Parsed { kNeedBytes, kRequest, kRefused, kFatal };
  virtual void commit(std::size_t size) = 0;  // of buffer(), filled
  virtual Parsed parse() = 0;
  // The request that parse() brought; again when it had to wait.
  virtual void execute() = 0;
  virtual std::string_view refusal() const = 0;  // after kRefused, kFatal
  virtual bool is_mid_request() const = 0;
  virtual std::uint64_t payload_pending() const = 0;  // arriving and not refused
  virtual std::uint64_t parser_memory() const = 0;
  // The request whose payload is arriving: the payload is dropped, then comes kRefused.
  virtual void refuse_current(std::string_view code, std::string_view fields,
                              std::string_view text) = 0;
  // An error in reply to a request of that tag, of which nothing was done.
  virtual void append_refusal(std::string& out, std::string_view tag, std::string_view code,
                              std::string_view fields, std::string_view text) = 0;
  virtual std::string_view pending_tag() const { return {}; }  // of the request under way
  // The reply to a write, or that to its last part.
  virtual void append_written(std::string& out, const PendingWrite& write,
                              const Result<WriteResult>& result) = 0;
  // More of a reply that is_streaming_.
  virtual void continue_stream() {}
  // Whether what parse() brought tells what the store holds.
  virtual bool is_read() const = 0;
  // How new it has to be.
  virtual ReadLevel read_level() const { return {}; }
  // An error of the store in reply to a request of that tag.
  virtual void append_failure(std::string& out, std::string_view tag, const Error& error) = 0;
  // If what parse() brought reads one value and no more: gather_read()s it.
  virtual bool gather() = 0;
  // The reply to a read that was gathered.
  virtual void append_read(std::string_view tag, const Result<std::optional<ValueView>>& value) = 0;
  // The same by a slow task.
  virtual std::unique_ptr<SlowTask> slow_read(std::string_view key, std::string_view tag) = 0;

  // What it does in execute().
  // False, and the request waits, while earlier ones are not answered.
  bool is_my_turn();
  // Reads it when all before it are answered: now, in turn with those that came along.
  void gather_read(std::string_view key, std::string_view tag) {
    if (reads_.empty()) gathered_level_ = read_level();
    reads_.add(key, tag);
  }
  bool may_join_gathered() const { return reads_.empty() || gathered_level_ == read_level(); }
  // A write that takes `bytes` of memory until it is answered. False: there is no memory for it.
  bool hold_write(std::uint64_t bytes);
  void submit(const Write& write, std::uint64_t number);
  void start_slow(std::unique_ptr<SlowTask> task, protocol::Verb verb);
  void refuse_later(protocol::Verb verb, std::string_view fields) {
    refuse_later(verb, fields, pending_tag());
  }
  void refuse_later(protocol::Verb verb, std::string_view fields, std::string_view tag);
  // Judging a condition on a version, or making a new value out of the old one, reads the key's
  // record inside the store. When that would wait for the disk, it is read by a slow task first, so
  // that it is in memory then; the request is executed again.
  bool must_warm(std::string_view key) const;
  void warm(std::string_view key, protocol::Verb verb);
  void finish_with(std::string_view code, std::string_view text);
  void count(protocol::Verb verb, Time start);
  void count(protocol::Verb verb, Time start, Time end);
  void count_error(protocol::Verb verb) { context_.counters.of(verb).errors.add(); }
  bool try_hold_output(std::uint64_t more);
  std::size_t stream_ahead_max() const;

  ConversationContext& context_;
  const std::uint64_t id_;
  OutputBuffer output_;
  ReplyQueue replies_;
  MemoryLease output_lease_;

  enum class Phase { kTalking, kFinishing, kCut };
  Phase phase_ = Phase::kTalking;
  bool is_streaming_ = false;
  bool awaits_slow_task_ = false;
  bool wants_turn_ = false;
  bool is_warm_ = false;  // the key of the write that waits was read
  Time now_;              // when the event under way began

 private:
  class Warming;
  class ReadAnswers;

  bool is_blocked();
  void run();
  void execute_confirmed();
  bool has_confirmation(const ReadLevel& level);
  void note_refused();
  void outdate_confirmation();
  void parse_next();
  void carry_out(Parsed parsed);
  void read_gathered();
  void parsed_all();
  void break_off();

  std::uint64_t request_memory() const;
  bool try_hold_memory(std::uint64_t more);
  std::uint64_t output_memory() const;

  bool is_over_output_limit() const;
  void check_reading(Time now);
  void check_slow_reader(Time now);

  MemoryLease request_lease_;
  std::uint64_t inflight_bytes_ = 0;  // payloads of writes not acknowledged

  GatheredReads reads_;
  ReadLevel gathered_level_;           // of all of them
  std::optional<Parsed> held_parsed_;  // what stood behind them
  bool needs_bytes_ = true;            // the parser has used up all it got, and it was carried out
  bool request_waits_ = false;         // the parser's current request waits for earlier ones
  bool request_is_held_ = false;       // it waits for a slow task or round, not for the replies
  // Whether reads among what was received may be answered.
  enum class Confirmation { kNone, kAwaited, kGiven, kVersionGiven, kRefused };
  Confirmation confirmation_ = Confirmation::kNone;
  ReadLevel awaited_level_;         // of kAwaited, kRefused
  bool is_round_outdated_ = false;  // of kAwaited: it is asked again
  Error unconfirmed_;               // why, of kRefused
  bool has_input_ended_ = false;
  bool is_draining_ = false;
  bool has_unflushed_ = false;
  bool is_paused_ = false;           // by back-pressure; counted once
  bool is_short_of_memory_ = false;  // paused, because the output of all takes too much
  bool has_parsed_one_ = false;      // since parsed_all()

  Time last_active_;    // bytes came or went
  Time receive_start_;  // of the request on its way in
  std::uint64_t receive_bytes_ = 0;
  Time last_received_;
  Time stuck_since_;  // output over its limit, and hardly any taken
  std::uint64_t taken_since_stuck_ = 0;
};

}  // namespace kv::server
