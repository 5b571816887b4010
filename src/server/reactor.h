#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <unordered_map>
#include <vector>

#include <asio/executor_work_guard.hpp>
#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/steady_timer.hpp>
#include <asio/thread_pool.hpp>

#include "server/connection.h"

namespace kv::server {

// One event loop and its connections. Reads are served inline; writes of all connections that were
// ready together are flushed in one go; the store's acknowledgements come back in batches with one
// wake-up each.
//
// Threads: its own runs everything; adopt, drain_all, stop and on_written may be called from any.
class Reactor final : public WriteListener {
 public:
  using StatsReport = std::function<std::string(bool is_json, std::string_view section)>;

  Reactor(const Shared& shared, asio::thread_pool& pool, StatsReport stats);
  ~Reactor() override;

  asio::io_context& io() { return io_; }
  void start();
  void adopt(asio::ip::tcp::socket socket);  // a socket of io()
  void drain_all();                          // conversations end; the loop goes on
  void close_all();
  void stop();  // ends the loop and joins

  // For connections, on the reactor's thread.
  const Shared& shared() const { return shared_; }
  void submit(const Write& write, WriteTag tag);
  void defer(std::function<void()> work, std::function<void()> then);
  std::string stats(bool is_json, std::string_view section) { return stats_(is_json, section); }
  void remove(std::uint64_t id);

  void on_written(const WriteTag& tag, Result<WriteResult> result) override;

 private:
  struct Completion {
    WriteTag tag;
    Result<WriteResult> result;
  };
  void flush();
  void deliver();
  void tick();

  const Shared shared_;
  asio::thread_pool& pool_;
  const StatsReport stats_;
  asio::io_context io_{1};
  asio::executor_work_guard<asio::io_context::executor_type> work_guard_;
  asio::steady_timer timer_;
  std::thread thread_;

  // The reactor thread's.
  std::unordered_map<std::uint64_t, std::shared_ptr<Connection>> connections_;
  std::uint64_t next_id_ = 1;
  bool has_flush_posted_ = false;
  bool is_draining_ = false;
  std::vector<Completion> delivering_;

  // Guarded by mutex_.
  std::mutex mutex_;
  std::vector<Completion> completions_;
  bool has_delivery_posted_ = false;
};

}  // namespace kv::server
