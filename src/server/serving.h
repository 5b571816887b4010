#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <asio/thread_pool.hpp>

#include "server/acceptor.h"
#include "server/merge_desk.h"
#include "server/reactor.h"
#include "server/scan_cursors.h"
#include "server/session_keeper.h"
#include "server/stats_page.h"
#include "server/store_backend.h"

namespace kv::server {

// The part of a server that has a store: its threads and what they share. The accepting thread
// hands each socket to the next reactor in turn, which spreads few connections more evenly than the
// kernel's hashing for SO_REUSEPORT would, and counts them exactly.
//
// stop() and wait() may be called from any thread; the destructor waits.
class Serving {
 public:
  // What is passed outlives it.
  struct Listener {
    Acceptor& acceptor;
    Dialect dialect;
  };
  // `cluster` null: a server alone.
  Serving(Store& store, const ServerOptions& options, std::vector<Listener> listeners,
          ClusterMember* cluster);
  ~Serving();
  Serving(const Serving&) = delete;
  Serving& operator=(const Serving&) = delete;

  void stop(Reactor::Stop how);  // after the acceptors' stop()
  void wait();

 private:
  void listen(const Listener& listener, Counters& counters);
  void take(asio::ip::tcp::socket socket, std::size_t reactor, Dialect dialect, Counters& counters);
  static void refuse(asio::ip::tcp::socket socket, Dialect dialect);

  const ServerOptions& options_;
  const std::vector<Listener> listeners_;
  ClusterMember* const cluster_;
  StoreBackend backend_;
  MergeDesk merges_;
  MemoryBudget request_memory_;
  MemoryBudget output_memory_;
  std::atomic<std::uint32_t> connection_count_{0};

  ScanCursors cursors_;

  // The accepting threads'.
  std::vector<std::unique_ptr<Counters>> accept_counters_;  // one of each
  std::atomic<std::size_t> next_reactor_ = 0;

  std::vector<std::unique_ptr<Counters>> counters_;  // one of each reactor
  std::unique_ptr<StatsPage> stats_;
  asio::thread_pool io_pool_;
  std::atomic<bool> is_upkeep_stopped_{false};
  std::unique_ptr<SessionKeeper> session_keeper_;
  asio::thread_pool long_pool_;  // one thread: verifications, backups, inspections
  std::vector<std::unique_ptr<Reactor>> reactors_;
  std::vector<std::thread> accepting_;
  std::mutex wait_mutex_;
};

}  // namespace kv::server
