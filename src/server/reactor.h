#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <asio/executor_work_guard.hpp>
#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/steady_timer.hpp>
#include <asio/thread_pool.hpp>

#include "server/cluster_member.h"
#include "server/connection.h"
#include "server/connection_table.h"
#include "server/conversation.h"
#include "server/read_rounds.h"

namespace kv::server {

// What the reactors of one server share. Outlives them.
struct ReactorContext {
  const ServerOptions& options;
  Backend& backend;
  const StatsSource& stats;
  ScanCursors& cursors;
  MergeDesk& merges;
  MemoryBudget& request_memory;
  MemoryBudget& output_memory;
  asio::thread_pool& io_pool;
  asio::thread_pool& long_pool;
  ClusterMember* cluster;  // null: a server alone
  std::atomic<std::uint32_t>& connection_count;
};

// One event loop, its thread and its connections. Reads are served inline. Writes of all
// connections that were ready together are flushed in one go; acknowledgements come back in
// batches, with one wake-up for each, and none for those that come while this reactor flushes.
//
// It outlives its connections' writes and slow reads: after a stop its thread ends when the last of
// each has come back. Threads: adopt, stop, join, on_written any; the rest its own.
class Reactor final : public WriteListener, private SlowWork, private ReadRounds {
 public:
  // `counters` are the reactor's own.
  Reactor(const ReactorContext& shared, Counters& counters);
  ~Reactor() override;

  void start();
  // A socket of io(), counted in connection_count.
  void adopt(asio::ip::tcp::socket socket, Dialect dialect);
  enum class Stop { kDrain, kNow };
  void stop(Stop how);
  void join();

  void on_written(const WriteTag& tag, Result<WriteResult> result) override;

  // For its connections.
  asio::io_context& io() { return io_; }
  ConversationContext& context() { return context_; }
  Time now() const { return std::chrono::steady_clock::now(); }
  void flush_later(Connection& connection);
  void remove(Connection& connection);
  std::vector<std::string_view>& pieces() { return pieces_; }
  std::vector<asio::const_buffer>& buffers() { return buffers_; }
  asio::mutable_buffer dropped() { return asio::buffer(dropped_); }

 private:
  struct Written {
    WriteTag tag;
    Result<WriteResult> result;
  };
  struct Round {
    std::vector<std::uint64_t> connections;
    Result<void> result;
    std::optional<std::chrono::nanoseconds> begun;  // none: it waited for a version
    bool was_refused = false;                       // to wait for one
  };
  struct Finished {
    std::uint64_t connection;
    std::unique_ptr<SlowTask> task;
  };

  [[nodiscard]] bool start(std::uint64_t connection, std::unique_ptr<SlowTask>& task) override;
  [[nodiscard]] bool start_long(std::uint64_t connection, std::unique_ptr<SlowTask>& task) override;
  [[nodiscard]] std::optional<MergeTicket> start_merge(std::uint64_t connection,
                                                       std::unique_ptr<MergeTask>& task,
                                                       std::uint64_t rate_max) override;
  void finished(std::uint64_t connection, std::unique_ptr<SlowTask> task);
  bool covers(const ReadLevel& level) override;
  bool is_whole() const override;
  void join(std::uint64_t conversation, const ReadLevel& level) override;
  void await_version(std::uint64_t conversation, const ReadLevel& level);
  void round_ended(Round round);
  void begin_round();
  void wake();

  void run_batch_later();
  void run_batch();
  ReadMode flush_mode() const;
  bool deliver();
  void deliver_finished();
  void deliver_rounds();
  void queue(const std::shared_ptr<Connection>& connection);
  void arm_tick();
  void tick();
  void begin_stop(Stop how);
  void end_if_done();

  const ReactorContext shared_;
  Counters& counters_;
  EventLog log_;
  asio::io_context io_{1};
  asio::executor_work_guard<asio::io_context::executor_type> work_guard_;
  asio::steady_timer timer_;
  std::thread thread_;

  // The reactor thread's.
  ConversationContext context_;
  ConnectionTable<Connection> connections_;
  std::vector<std::shared_ptr<Connection>> queued_;  // to go on at the end of the batch
  bool must_flush_ = false;
  bool has_batch_posted_ = false;
  bool is_in_batch_ = false;
  std::vector<Written> own_written_;  // acknowledged while this thread was in the store
  std::vector<Written> delivering_;
  std::vector<Finished> finishing_;
  std::uint64_t slow_tasks_ = 0;       // with the rounds under way
  std::uint64_t waits_ = 0;            // for versions
  std::vector<std::uint64_t> joined_;  // the next round
  // When the newest round began that ended well, by the clock that goes on in a suspended machine.
  std::optional<std::chrono::nanoseconds> proven_;
  bool is_tick_armed_ = false;
  bool is_stopping_ = false;
  Time drain_end_;
  std::vector<std::string_view> pieces_;
  std::vector<asio::const_buffer> buffers_;
  std::array<char, 16 * 1024> dropped_;

  // Guarded by mutex_.
  std::mutex mutex_;
  std::vector<Written> written_;
  std::vector<Finished> finished_;
  std::vector<Round> rounds_;  // that ended
  bool is_woken_ = false;
};

}  // namespace kv::server
