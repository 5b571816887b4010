#include "cluster/replica_host.h"

#include <algorithm>
#include <chrono>
#include <ctime>
#include <utility>

#include <asio/post.hpp>
#include <fmt/format.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/thread.h"
#include "cluster/names.h"

namespace kv::cluster {

namespace {

std::uint64_t clock_us(clockid_t clock) {
  using std::chrono::microseconds;
  return static_cast<std::uint64_t>(
      std::chrono::duration_cast<microseconds>(base::time_of(clock)).count());
}

}  // namespace

Error ReplicaHost::stopping() { return {Errc::kClosed, "this node is stopping", {}}; }

raft::Instant ReplicaHost::now() {
  return {clock_us(CLOCK_BOOTTIME), clock_us(CLOCK_MONOTONIC_RAW)};
}

ReplicaHost::ReplicaHost(Options options)
    : options_(std::move(options)),
      work_guard_(io_.get_executor()),
      timer_(io_),
      log_(options_.log),
      acceptor_(options_.log) {}

ReplicaHost::~ReplicaHost() { stop(); }

Result<void> ReplicaHost::bind() {
  using Reach = server::Acceptor::Reach;
  const Reach reach = options_.is_insecure ? Reach::kAnyMachine : Reach::kThisMachine;
  if (auto found = acceptor_.find(options_.listen, reach); !found) return found;
  return acceptor_.bind();
}

void ReplicaHost::news() {
  if (has_news_.exchange(true)) return;
  asio::post(io_, [this] {
    has_news_ = false;
    work();
  });
}

void ReplicaHost::start(const Parts& parts) {
  parts_.emplace(parts);
  acceptor_.next_io = [this]() -> asio::io_context& { return io_; };
  acceptor_.paused = [] {};
  acceptor_.take = [this](asio::ip::tcp::socket socket) {
    auto session =
        std::make_shared<PeerSession>(std::move(socket), static_cast<PeerListener&>(*this));
    asio::post(io_, [this, session] {
      if (is_stopping_) return;
      std::erase_if(sessions_, [](const auto& one) { return one.expired(); });
      sessions_.push_back(session);
      session->start();
    });
  };
  const node::Replica::Parts replica_parts{
      parts.store, parts.hard_state,       parts.members,
      *this,       options_.log_retention, options_.compare_seconds * 1'000'000};
  raft::Settings settings;
  settings.has_lease_reads = options_.has_lease_reads;
  settings.catch_up_rate = options_.catch_up_rate;
  const node::Self self{raft::NodeId{options_.node_id}, options_.node_uuid,
                        parts.members.content().has_joined};
  replica_.emplace(replica_parts, self, settings, base::random_uuid().low, now());
  if (options_.etcd) {
    replica_->set_may_campaign(false);
    placed_.emplace(io_, *options_.etcd, options_.cluster_id, options_.node_id,
                    options_.client_address, log_);
  }
  begin_founding();
  note_status();
  thread_ = std::thread([this] {
    base::name_thread("kv-replica");
    tick();
    io_.run();
  });
  accepting_ = std::thread([this] {
    base::name_thread("kv-peers");
    acceptor_.run();
  });
}

void ReplicaHost::stop() {
  if (accepting_.joinable()) {
    acceptor_.stop();
    accepting_.join();
  }
  if (!thread_.joinable()) return;
  asio::post(io_, [this] {
    is_stopping_ = true;
    timer_.cancel();
    if (placed_) placed_->stop();
    for (auto& [node, link] : links_) link->stop();
    for (const auto& one : sessions_) {
      if (const auto session = one.lock()) session->stop();
    }
    for (auto& [id, read] : reads_) read.done(tl::unexpected(stopping()));
    reads_.clear();
    begin_reads();
    local_acks_.end();
    lease_.end();
    work_guard_.reset();
  });
  thread_.join();
  // What it was still to do nobody waits for.
  files_.stop();
  files_.join();
  replica_->let_go();
}

std::string ReplicaHost::address() const {
  const auto endpoint = acceptor_.endpoint();
  return fmt::format("{}:{}", endpoint.address().to_string(), endpoint.port());
}

// A few times per heartbeat.
void ReplicaHost::tick() {
  const std::uint64_t election_us = replica_->core().config().election_us;
  constexpr std::uint64_t kTicksPerElection = 40;
  timer_.expires_after(
      std::chrono::microseconds(std::max<std::uint64_t>(1000, election_us / kTicksPerElection)));
  timer_.async_wait([this](const asio::error_code& cancelled) {
    if (cancelled || is_stopping_) return;
    tick();
  });
  work();
  follow_placement();
  refuse_reads_without_leader();
  give_up_waiting();
  follow_members();
  follow_founding();
  if (!replica_->is_over()) replica_->set_obstacle(obstacle());
  note_status();
}

void ReplicaHost::work() {
  begin_reads();
  if (is_stopping_) return;
  if (replica_->is_over()) return look_around();  // perhaps from its first moment on
  const raft::Core& core = replica_->core();
  if (!window_) window_.emplace(core.config().lease_us());
  window_->note(core.last().seq, core.commit(), now());
  replica_->work(now());
  ask_what_is_whole();
  finish_reads();
  look_around();
}

void ReplicaHost::receive(raft::NodeId, const peer::Received& received) {
  if (!takes_part()) return;
  replica_->receive(received, now());
  finish_reads();
  look_around();
}

void ReplicaHost::receive_part(const peer::Envelope& envelope) {
  if (!takes_part()) return;
  replica_->receive_part(envelope, now());
  look_around();
}

void ReplicaHost::receive(raft::NodeId, const peer::SnapshotFrame& frame) {
  if (!takes_part()) return;
  replica_->receive(frame, now());
  look_around();
}

void ReplicaHost::receive(raft::NodeId, const peer::RecordFrame& frame) {
  if (!takes_part()) return;
  replica_->receive(frame, now());
  look_around();
}

void ReplicaHost::receive(raft::NodeId, const peer::FingerprintFrame& frame) {
  if (!takes_part()) return;
  replica_->receive(frame, now());
  look_around();
}

void ReplicaHost::run_aside(std::function<void()> job, std::function<void()> done) {
  asio::post(files_, [this, job = std::move(job), done = std::move(done)] {
    job();
    asio::post(io_, [this, done] {
      if (is_stopping_) return;
      done();
      look_around();
    });
  });
}

void ReplicaHost::send(raft::NodeId to, peer::Gather frame) {
  const auto found = links_.find(to);
  if (found != links_.end()) found->second->send(std::move(frame));
}

void ReplicaHost::send_chunk(raft::NodeId to, peer::Gather frame) {
  const auto found = links_.find(to);
  if (found != links_.end()) found->second->send_chunk(std::move(frame));
}

Result<void> ReplicaHost::transfer(std::uint64_t node_id) {
  const server::ReplicationStatus known = status();
  if (known.role != "leader") {
    return tl::unexpected(
        Error{Errc::kNotLeader,
              fmt::format("leader={} epoch={} only a leader can hand over",
                          known.leader_address.empty() ? "-" : known.leader_address, known.term),
              {}});
  }
  const auto peer =
      std::ranges::find(known.peers, node_id, &server::ReplicationStatus::Peer::node_id);
  if (node_id != 0 && peer == known.peers.end()) {
    return tl::unexpected(
        Error{Errc::kInvalidArgument, fmt::format("no other member has number {}", node_id), {}});
  }
  if (node_id != 0 && peer->role == "learner") {
    return tl::unexpected(Error{
        Errc::kInvalidArgument,
        fmt::format("node {} has no vote yet, and so cannot lead; it gets one once it has the "
                    "log",
                    node_id),
        {}});
  }
  // It would take no writes until it had waited for that one in vain.
  if (node_id != 0 && !peer->is_connected) {
    return tl::unexpected(
        Error{Errc::kInvalidArgument,
              fmt::format("node {} cannot be reached at {}; start it, or hand over to another one",
                          node_id, peer->peer_address),
              {}});
  }
  asio::post(io_, [this, node_id] {
    if (is_stopping_ || replica_->is_over()) return;
    const std::uint64_t target =
        node_id != 0 ? node_id : best_successor(successors(), boot_silence());
    if (target != 0) begin_transfer(target);
  });
  return {};
}

void ReplicaHost::begin_transfer(std::uint64_t node_id) {
  if (const auto begun = replica_->transfer(raft::NodeId{node_id}, now()); !begun) {
    log_.tell(Event::Level::kWarning, "transfer refused",
              fmt::format("to={} cause=\"{}\"", node_id, raft::name_of(begun.error())),
              std::chrono::steady_clock::now());
  }
  look_around();
}

void ReplicaHost::look_around() {
  if (!replica_->is_over() || is_over_told_) return;
  is_over_told_ = true;
  const auto& failure = replica_->failure();
  if (!failure) {
    for (auto& [id, read] : reads_) read.done(tl::unexpected(replica_->not_leading()));
    reads_.clear();
    return options_.on_replaced();
  }
  log_.tell(
      Event::Level::kError, "replica stopped",
      fmt::format("cause=\"{}\" action=\"the process ends; start it again, and if that ends so, "
                  "too, remove this member and add it again with an empty directory\"",
                  describe(*failure)),
      std::chrono::steady_clock::now());
  if (options_.on_failure) options_.on_failure(*failure);
}

peer::Hello ReplicaHost::hello() const {
  peer::Hello hello;
  hello.cluster_id = options_.cluster_id;
  hello.node_id = raft::NodeId{options_.node_id};
  hello.node_uuid = options_.node_uuid;
  hello.last = replica_->core().last();
  hello.commit = replica_->core().commit();
  hello.floor = replica_->floor_sequence();
  hello.address = options_.listen;
  return hello;
}

std::variant<peer::Hello, peer::Goodbye> ReplicaHost::greet(const peer::Hello& other) {
  using peer::Reason;
  const auto refuse = [](Reason reason, std::string text) {
    return peer::Goodbye{reason, std::move(text)};
  };
  if (!peer::common_version(other)) return refuse(Reason::kNoVersion, "no version in common");
  if (other.cluster_id != options_.cluster_id) {
    return refuse(Reason::kOtherCluster, "this node is of another cluster");
  }
  if (other.to != raft::kNoNode && number(other.to) != options_.node_id) {
    return refuse(Reason::kOtherNode, fmt::format("this is node {}", options_.node_id));
  }
  if (const auto reason = reason_of(replica_->admit(other))) {
    return goodbye(*reason);
  }
  peer::Hello answer = hello();
  answer.to = other.node_id;
  follow_members();
  answer.version_min = answer.version_max = *peer::common_version(other);
  return answer;
}

}  // namespace kv::cluster
