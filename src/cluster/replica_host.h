#pragma once

#include <atomic>
#include <chrono>
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
#include <asio/thread_pool.hpp>

#include "cluster/founding.h"
#include "cluster/lag_clock.h"
#include "cluster/local_window.h"
#include "cluster/peer_link.h"
#include "cluster/peer_session.h"
#include "cluster/placed_leadership.h"
#include "cluster/read_lease.h"
#include "cluster/successor.h"
#include "node/members_file.h"
#include "node/replica.h"
#include "server/acceptor.h"
#include "server/cluster_member.h"

namespace kv::cluster {

// Runs a replica: its thread, its clocks, the connections to and from the other members.
//
// Threads: one of its own for all of it, one that accepts, one for files. confirm_read, status,
// transfer, news from any. After a failure of the disk on_failure is called once, on its thread:
// what the log has is not known then, and the process has to end.
class ReplicaHost final : public server::ClusterMember,
                          private node::ReplicaListener,
                          private PeerListener {
 public:
  struct Options {
    base::Uuid cluster_id;
    base::Uuid node_uuid;
    std::uint64_t node_id = 0;
    std::string listen;                                    // HOST:PORT for peers
    std::string client_address;                            // HOST:PORT for clients
    std::optional<EtcdSettings> etcd = {};                 // none: votes alone place leadership
    std::uint64_t log_retention = std::uint64_t{1} << 30;  // see node::Replica::Parts
    std::uint64_t catch_up_rate = 64 * 1024 * 1024;        // see raft::Settings
    std::uint64_t compare_seconds = 600;                   // see node::Replica::Parts
    bool has_lease_reads = false;  // the clocks of all members are trusted: see ReadLease
    bool is_insecure = false;      // that may be an address that other machines reach
    std::function<void(const Error&)> on_failure;
    // The node has another state now, which it has once it was closed and opened again: see
    // replacement(). Called once, on its thread.
    std::function<void()> on_replaced = [] {};
    server::EventLog::Write log;
  };
  explicit ReplicaHost(Options options);
  ~ReplicaHost() override;

  // What the store is to ask: see Replicated.
  bool may_ack_local() const { return local_acks_.look(now()).has_value(); }
  // Listens, so that the address is known and taken; peers that connect meanwhile wait.
  [[nodiscard]] Result<void> bind();
  std::string address() const;  // for peers, the port as it came out
  // What the store's log is to call: see Replicated.
  void news();
  // What it runs on, which outlives it and which nobody else has meanwhile but the store.
  struct Parts {
    StoreImpl& store;
    node::HardStateFile& hard_state;
    node::MembersFile& members;
  };
  void start(const Parts& parts);
  void stop();

  // Many together cost one round of messages. `done` is called on its thread.
  void confirm_read(ReadDone done) override;
  std::optional<Version> lease_version() const override;
  bool is_whole() const override { return is_whole_; }
  void await_version(const server::ReadLevel& level, ReadDone done) override;
  void end_waits() override;
  Result<void> transfer(std::uint64_t node_id) override;
  Result<void> add(const Newcomer& newcomer) override;
  Result<void> remove(std::uint64_t node_id, bool is_forced) override;
  Result<void> campaign() override;
  Result<std::uint64_t> compare() override;
  // It leads, and would hand over in vain now, but not in a moment.
  bool should_wait_to_transfer() const;
  server::ReplicationStatus status() const override;
  // Once it was stopped: what the store has to hold from now on; see node::Replica.
  const std::optional<format::ManifestState>& replacement() const {
    return replica_->replacement();
  }

 private:
  struct Read {
    ReadDone done;
    std::optional<raft::Seq> seq;
    std::chrono::steady_clock::time_point since;
  };
  struct Awaited {
    server::ReadLevel level;
    std::chrono::steady_clock::time_point end;
    ReadDone done;
  };

  // node::ReplicaListener
  void send(raft::NodeId to, peer::Gather frame) override;
  void send_chunk(raft::NodeId to, peer::Gather frame) override;
  void on_lease(const std::optional<raft::Instant>& until, raft::Seq commit) override;
  void on_role(const raft::RoleChange& change) override;
  void on_read(const raft::ReadResult& read) override;
  void on_alarm(const raft::Alarm& alarm) override;
  void on_unreadable(raft::NodeId peer, raft::Seq seq, const Error& error) override;
  void on_members() override;
  void on_base(const node::BaseNews& news) override;
  void on_repair(const node::RepairNews& news) override;
  void on_comparison(const node::ComparisonNews& news) override;
  void run_aside(std::function<void()> job, std::function<void()> done) override;
  // PeerListener
  std::variant<peer::Hello, peer::Goodbye> greet(const peer::Hello& hello) override;
  void receive(raft::NodeId from, const peer::Received& received) override;
  void receive_part(const peer::Envelope& envelope) override;
  void receive(raft::NodeId from, const peer::SnapshotFrame& frame) override;
  void receive(raft::NodeId from, const peer::RecordFrame& frame) override;
  void receive(raft::NodeId from, const peer::FingerprintFrame& frame) override;
  void on_peer_fault(std::string_view address, std::string_view cause) override;

  void tick();
  void work();
  // replica_host_reads.cc
  void begin_reads();
  void take_awaited();
  void ask_what_is_whole();
  void finish_reads();
  void refuse_reads_without_leader();
  void give_up_waiting();
  Result<void> is_the_one(const server::ReadLevel& level) const;
  void look_around();
  bool takes_part() const { return !is_stopping_ && !founding_ && !replica_->is_over(); }
  // replica_host_status.cc
  void note_status();
  // Those that this node takes for members say that its disk is none, and nobody else is heard:
  // what a removed node is told, which may never hear of the record that removed it.
  bool is_shut_out() const;
  std::string obstacle() const;  // see node::Replica::set_obstacle()
  std::vector<Successor> successors() const;
  std::chrono::microseconds boot_silence() const;
  peer::Hello hello() const;
  // replica_host_members.cc
  void follow_members();
  void begin_founding();
  void follow_founding();
  Result<void> on_its_thread(std::function<Result<void>()> action);
  Result<void> begin_add(const format::Member& member);
  bool has_majority_without(raft::NodeId node) const;
  Result<void> begin_remove(std::uint64_t node_id, bool is_forced);
  Error why_no_campaign() const;
  Error refused(raft::Refusal refusal, const node::MemberChange& change) const;
  std::string why_invalid(const node::MemberChange& change) const;
  // replica_host_gate.cc
  void follow_placement();
  etcd::Gate::Node gate_node() const;
  void hand_over_as_placed();
  bool can_take_over(std::uint64_t node_id) const;
  void begin_transfer(std::uint64_t node_id);
  static peer::Goodbye goodbye(peer::Reason reason);
  std::optional<peer::Reason> reason_of(const Result<node::Replica::Standing>& standing);
  static Error stopping();
  static raft::Instant now();

  const Options options_;
  std::optional<Parts> parts_;  // once it was started
  asio::io_context io_{1};
  asio::executor_work_guard<asio::io_context::executor_type> work_guard_;
  asio::steady_timer timer_;
  server::EventLog log_;
  server::Acceptor acceptor_;
  std::thread accepting_;
  std::thread thread_;
  asio::thread_pool files_{1};  // reads and writes what is longer than a record

  // Its thread's.
  std::optional<node::Replica> replica_;
  std::map<raft::NodeId, std::unique_ptr<PeerLink>> links_;
  // To members that are none any more, stopped: what they began may still call back.
  std::vector<std::unique_ptr<PeerLink>> ended_links_;
  std::vector<std::weak_ptr<PeerSession>> sessions_;
  std::map<raft::ReadId, Read> reads_;
  raft::ReadId next_read_ = 1;
  std::multimap<Version, Awaited> waiting_;
  bool is_asking_ = false;  // for those who wait: what the store has to have to be whole
  std::atomic<bool> is_whole_ = false;
  std::atomic<bool> has_ended_waits_ = false;
  LagClock lag_;
  std::optional<Founding> founding_;  // none: this node takes part
  std::optional<std::chrono::steady_clock::time_point> founding_told_;  // or when it is to be
  std::optional<LocalWindow> window_;
  std::optional<PlacedLeadership> placed_;
  bool is_gate_open_ = false;  // if leadership is placed
  bool is_stopping_ = false;
  bool is_over_told_ = false;
  bool was_leader_ = false;  // when it was told last

  ReadLease lease_;
  ReadLease local_acks_;  // what holds while writes may be acknowledged from this disk alone
  std::atomic<bool> has_news_ = false;  // of the store's log, and somebody is on the way to tell
  mutable std::mutex mutex_;
  std::vector<ReadDone> asked_;  // guarded by mutex_, as the next
  std::vector<Awaited> awaited_;
  server::ReplicationStatus status_;
  bool should_wait_to_transfer_ = false;
};

}  // namespace kv::cluster
