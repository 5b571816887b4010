#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <asio/executor_work_guard.hpp>
#include <asio/io_context.hpp>
#include <asio/steady_timer.hpp>

#include "cluster/peer_link.h"
#include "cluster/peer_session.h"
#include "node/replica.h"
#include "server/acceptor.h"

namespace kv::cluster {

// What a replica is at the moment.
struct ReplicaStatus {
  struct Peer {
    std::uint64_t node_id = 0;
    std::string address;  // for peers
    bool is_connected = false;
    raft::Seq durable = 0;  // as its leader knows; 0 on other nodes
  };
  std::uint64_t node_id = 0;
  raft::Role role = raft::Role::kFollower;
  raft::Term term = 0;
  std::uint64_t leader = 0;  // 0: none is known
  bool is_serving = false;   // it leads, and takes writes
  bool has_lease = false;
  raft::Seq last = 0;
  raft::Seq durable = 0;
  raft::Seq commit = 0;
  raft::Seq applied = 0;
  std::vector<Peer> peers;
};

// Runs a replica: its thread, its clocks, the connections to and from the other members.
//
// Threads: one of its own for all of it, and one that accepts. confirm_read, status, transfer, news
// from any. After a failure of the disk on_failure is called once, on its thread: what the log has
// is not known then, and the process has to end.
class ReplicaHost final : private node::ReplicaListener, private PeerListener {
 public:
  struct Options {
    base::Uuid cluster_id;
    base::Uuid node_uuid;
    std::uint64_t node_id = 0;
    std::string listen;  // HOST:PORT for peers
    std::function<void(const Error&)> on_failure;
    server::EventLog::Write log;
  };
  explicit ReplicaHost(Options options);
  ~ReplicaHost() override;

  // Listens, so that the address is known and taken; peers that connect meanwhile wait.
  [[nodiscard]] Result<void> bind();
  std::string address() const;  // for peers, the port as it came out
  // What the store's log is to call: see Replicated.
  void news();
  // Both outlive it; nobody else has the hard state. `members`: as they were at the beginning of
  // the log.
  void start(StoreImpl& store, node::HardStateFile& hard_state, format::Membership members);
  void stop();

  // Calls `done`, on its thread, once a read of the store is linearizable, or with why it will not
  // be. Many together cost one round of messages.
  using ReadDone = std::function<void(Result<void>)>;
  void confirm_read(ReadDone done);
  void transfer(std::uint64_t node_id);
  ReplicaStatus status() const;  // as of some milliseconds ago

 private:
  struct Read {
    ReadDone done;
    std::optional<raft::Seq> seq;
  };

  // node::ReplicaListener
  void send(raft::NodeId to, peer::Gather frame) override;
  void on_role(const raft::RoleChange& change) override;
  void on_read(const raft::ReadResult& read) override;
  void on_alarm(const raft::Alarm& alarm) override;
  // PeerListener
  std::variant<peer::Hello, peer::Goodbye> greet(const peer::Hello& hello) override;
  void receive(raft::NodeId from, const peer::Received& received) override;
  void on_peer_fault(std::string_view address, std::string_view cause) override;

  void tick();
  void work();
  void begin_reads();
  void finish_reads();
  void look_around();
  peer::Hello hello() const;
  static raft::Instant now();

  const Options options_;
  format::Membership members_;
  asio::io_context io_{1};
  asio::executor_work_guard<asio::io_context::executor_type> work_guard_;
  asio::steady_timer timer_;
  server::EventLog log_;
  server::Acceptor acceptor_;
  std::thread accepting_;
  std::thread thread_;

  // Its thread's.
  std::optional<node::Replica> replica_;
  std::map<raft::NodeId, std::unique_ptr<PeerLink>> links_;
  std::vector<std::weak_ptr<PeerSession>> sessions_;
  std::map<raft::ReadId, Read> reads_;
  raft::ReadId next_read_ = 1;
  bool is_stopping_ = false;

  std::atomic<bool> has_news_ = false;  // of the store's log, and somebody is on the way to tell
  mutable std::mutex mutex_;
  std::vector<ReadDone> asked_;  // guarded by mutex_, as the next
  ReplicaStatus status_;
};

}  // namespace kv::cluster
