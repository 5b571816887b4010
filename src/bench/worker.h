#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <sys/epoll.h>
#include <vector>

#include "bench/destination.h"
#include "bench/load_connection.h"
#include "bench/request_source.h"
#include "bench/tally.h"
#include "bench/target.h"
#include "bench/value_sizes.h"

namespace kv::bench {

// When requests start and which of them count.
struct Schedule {
  Clock::time_point count_from = Clock::time_point::min();  // what is sent before is warm-up
  Clock::time_point end = Clock::time_point::max();         // nothing starts from here on
  std::uint64_t operations_max = UINT64_MAX;                // that count
  std::uint32_t pipeline = 1;                               // requests of one connection at a time
  // An open loop: request k is due `interval_ns` * k behind `first`, and its time is taken from
  // there, however late it is sent. 0: a closed loop, in which each connection sends `pipeline`
  // requests, and the next ones when all are answered.
  double interval_ns = 0;
  Clock::time_point first{};
};

// One thread of the load: some connections in one epoll loop. Made, opened and run by any thread,
// one at a time; the counters may be read and stop() be called by others meanwhile.
class Worker {
 public:
  // What is passed outlives the worker.
  Worker(const Target& target, const ValueSizes& sizes, std::chrono::milliseconds timeout,
         std::uint64_t seed);
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  // Before open(): a connection that is lost, or whose server does not lead, is no end; it is
  // opened again wherever `leader` says, for as long as `patience` without any that serves.
  void follow(Destination& leader, std::chrono::milliseconds patience);
  [[nodiscard]] Result<void> open(const std::string& address, std::uint32_t connections);
  // Returns when the source or the schedule has come to its end and all is answered, or after
  // stop(). Errors, behind which the worker is of no more use, and the tally holds what was done
  // until then: kUnavailable, kTimeout (a server that was silent for so long), kProtocol.
  [[nodiscard]] Result<void> run(RequestSource& source, const Schedule& schedule, Tally& tally);
  void stop() { is_stopped_.store(true, std::memory_order_relaxed); }

  // Since the last run() began.
  std::uint64_t answered() const { return answered_.load(std::memory_order_relaxed); }
  std::uint64_t bytes_sent() const { return bytes_sent_.load(std::memory_order_relaxed); }

 private:
  // Connections that may take another request, each once.
  class ReadyQueue {
   public:
    void reset(std::size_t capacity);
    bool empty() const { return count_ == 0; }
    void push(std::uint32_t connection);
    std::uint32_t pop();

   private:
    std::vector<std::uint32_t> ring_;
    std::vector<char> is_in_;
    std::size_t first_ = 0;
    std::size_t count_ = 0;
  };

  bool is_open_loop() const { return schedule_.interval_ns > 0; }
  Clock::time_point due() const;  // of the next request in an open loop
  void begin(RequestSource& source, const Schedule& schedule, Tally& tally);
  Result<void> issue(Clock::time_point now);
  bool add_request(LoadConnection& connection, Clock::time_point start, Clock::time_point now);
  void count_unsent();
  Result<void> wait(Clock::time_point now);
  Result<void> take_answers(std::uint32_t index);
  void settle(LoadConnection& connection, const Answer& answer, Clock::time_point now);
  void finish(const Pending& request, Outcome outcome, const Answer& answer, Clock::time_point now);
  void append_put(LoadConnection& connection, std::uint32_t key);
  Result<void> send(std::uint32_t index);
  Result<void> look_for_silence(Clock::time_point now);
  Error no_answer(const Answer& answer) const;
  Result<void> watch(std::uint32_t index);
  Result<void> lose(std::uint32_t index, Error why);
  void count_unserved(const Pending& request, const std::string& why);
  void note_loss(std::uint32_t index, Error why, Clock::time_point now);
  void note_served(std::uint32_t index, Clock::time_point now);
  Result<void> bring_back();
  Result<void> end_of_patience(Clock::time_point now, bool is_reached) const;
  bool reopen_at(const Destination::Place& place);

  const Target& target_;
  const ValueSizes& sizes_;
  const std::chrono::milliseconds timeout_;
  Random random_;
  int epoll_ = -1;
  std::string address_;
  std::vector<LoadConnection> connections_;
  std::vector<char> waits_for_room_;  // of each connection, as epoll knows it
  // Room for one of each connection: what came is taken whole, or nobody could tell who is silent.
  std::vector<epoll_event> events_;

  // Of following the leader.
  Destination* leader_ = nullptr;  // null: the server is the only one
  std::chrono::milliseconds patience_{0};
  std::vector<std::uint64_t> turns_;  // of each connection: the place that it was opened at
  std::vector<char> is_stale_;        // the same: its server does not lead
  std::vector<std::uint32_t> away_;   // connections to be opened again
  Clock::time_point look_at_{};       // while there are any: when to ask for a leader next
  std::optional<Clock::time_point> gap_since_;  // no answer came from a leader since then,
  std::uint64_t gap_turn_ = 0;                  // that was found behind this turn
  // A connection was lost, and nothing was served on any since then.
  std::optional<Clock::time_point> unserved_since_;
  std::uint64_t unserved_turn_ = 0;  // the newest place of that moment
  bool was_in_vain_ = false;         // and a connection to a newer one was lost, too
  Error lost_first_{};               // why, of that first loss
  Error lost_last_{};                // and of the last one so far

  // Of the run under way.
  RequestSource* source_ = nullptr;
  Tally* tally_ = nullptr;
  Schedule schedule_;
  ReadyQueue ready_;
  bool is_over_ = false;  // no request is started any more
  std::uint64_t issued_ = 0;
  std::uint64_t counted_ = 0;
  std::uint64_t pending_ = 0;
  Clock::time_point looked_at_{};

  std::atomic<bool> is_stopped_ = false;
  std::atomic<std::uint64_t> answered_ = 0;
  std::atomic<std::uint64_t> bytes_sent_ = 0;
};

}  // namespace kv::bench
