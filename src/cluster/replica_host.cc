#include "cluster/replica_host.h"

#include <algorithm>
#include <chrono>
#include <ctime>
#include <utility>

#include <asio/post.hpp>
#include <fmt/format.h>

#include "base/check.h"
#include "base/thread.h"
#include "base/uuid.h"

namespace kv::cluster {

namespace {

std::uint64_t clock_us(clockid_t clock) {
  timespec time{};
  KV_CHECK(::clock_gettime(clock, &time) == 0);
  constexpr std::uint64_t kMicro = 1'000'000;
  constexpr std::uint64_t kNano = 1000;
  return static_cast<std::uint64_t>(time.tv_sec) * kMicro +
         static_cast<std::uint64_t>(time.tv_nsec) / kNano;
}

std::uint64_t number(raft::NodeId node) { return static_cast<std::uint64_t>(node); }

Error no_leader() {
  return {Errc::kNotLeader, "leader=- no leader answers; try again, here or elsewhere", {}};
}

}  // namespace

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
  if (auto found = acceptor_.find(options_.listen, server::Acceptor::Reach::kAnyMachine); !found) {
    return found;
  }
  return acceptor_.bind();
}

void ReplicaHost::news() {
  if (has_news_.exchange(true)) return;
  asio::post(io_, [this] {
    has_news_ = false;
    work();
  });
}

void ReplicaHost::start(StoreImpl& store, node::HardStateFile& hard_state,
                        format::Membership members) {
  members_ = std::move(members);
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
  for (const format::Member& member : members_.members) {
    if (member.node_id == options_.node_id) continue;
    links_[raft::NodeId{member.node_id}] = std::make_unique<PeerLink>(
        io_, member, [this] { return hello(); }, log_);
  }
  const node::Replica::Parts parts{store, hard_state, *this};
  replica_.emplace(parts, raft::NodeId{options_.node_id}, members_, raft::Settings{},
                   base::random_uuid().low, now());
  thread_ = std::thread([this] {
    base::name_thread("kv-replica");
    for (auto& [node, link] : links_) link->start();
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
    for (auto& [node, link] : links_) link->stop();
    for (const auto& one : sessions_) {
      if (const auto session = one.lock()) session->stop();
    }
    for (auto& [id, read] : reads_) read.done(tl::unexpected(no_leader()));
    reads_.clear();
    work_guard_.reset();
  });
  thread_.join();
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
}

void ReplicaHost::work() {
  if (is_stopping_ || replica_->failure()) return;
  begin_reads();
  replica_->work(now());
  finish_reads();
  look_around();
}

void ReplicaHost::receive(raft::NodeId, const peer::Received& received) {
  if (is_stopping_ || replica_->failure()) return;
  replica_->receive(received, now());
  finish_reads();
  look_around();
}

void ReplicaHost::send(raft::NodeId to, peer::Gather frame) {
  const auto found = links_.find(to);
  if (found != links_.end()) found->second->send(std::move(frame));
}

void ReplicaHost::confirm_read(ReadDone done) {
  {
    const std::lock_guard lock(mutex_);
    asked_.push_back(std::move(done));
  }
  news();
}

// All that came since wait for the same round.
void ReplicaHost::begin_reads() {
  std::vector<ReadDone> asked;
  {
    const std::lock_guard lock(mutex_);
    asked.swap(asked_);
  }
  if (asked.empty()) return;
  const raft::ReadId id = next_read_++;
  reads_[id].done = [asked = std::move(asked)](const Result<void>& result) {
    for (const ReadDone& done : asked) done(result);
  };
  if (replica_->read_index(id, now())) return;
  auto refused = reads_.extract(id);
  if (!refused.empty()) refused.mapped().done(tl::unexpected(no_leader()));
}

void ReplicaHost::on_read(const raft::ReadResult& result) {
  const auto found = reads_.find(result.id);
  if (found == reads_.end()) return;
  if (result.seq) {
    found->second.seq = result.seq;
    return;
  }
  auto refused = reads_.extract(found);
  refused.mapped().done(tl::unexpected(no_leader()));
}

void ReplicaHost::finish_reads() {
  const raft::Seq applied = replica_->applied();
  for (auto at = reads_.begin(); at != reads_.end();) {
    const auto next = std::next(at);
    if (at->second.seq && *at->second.seq <= applied) {
      auto ready = reads_.extract(at);
      ready.mapped().done({});
    }
    at = next;
  }
}

void ReplicaHost::transfer(std::uint64_t node_id) {
  asio::post(io_, [this, node_id] {
    if (is_stopping_ || replica_->failure()) return;
    [[maybe_unused]] const auto begun = replica_->transfer(raft::NodeId{node_id}, now());
    look_around();
  });
}

ReplicaStatus ReplicaHost::status() const {
  const std::lock_guard lock(mutex_);
  return status_;
}

void ReplicaHost::look_around() {
  if (const auto& failure = replica_->failure()) {
    log_.tell(
        Event::Level::kError, "replica stopped",
        fmt::format("cause=\"{}\" action=\"the process ends; start it again\"", describe(*failure)),
        std::chrono::steady_clock::now());
    if (options_.on_failure) options_.on_failure(*failure);
    return;
  }
  const raft::Core& core = replica_->core();
  ReplicaStatus status;
  status.node_id = options_.node_id;
  status.role = core.role();
  status.term = core.term();
  status.leader = number(core.leader());
  status.is_serving = core.serves() && !core.is_transferring();
  status.has_lease = core.holds_lease(now());
  status.last = core.last().seq;
  status.durable = core.durable();
  status.commit = core.commit();
  status.applied = replica_->applied();
  for (const format::Member& member : members_.members) {
    if (member.node_id == options_.node_id) continue;
    const raft::NodeId id{member.node_id};
    const auto progress = core.peers().find(id);
    status.peers.push_back({member.node_id, member.peer_address, links_.at(id)->is_open(),
                            progress == core.peers().end() ? 0 : progress->second.match});
  }
  const std::lock_guard lock(mutex_);
  status_ = std::move(status);
}

void ReplicaHost::on_role(const raft::RoleChange& change) {
  const char* const role = change.role == raft::Role::kLeader      ? "leader"
                           : change.role == raft::Role::kCandidate ? "candidate"
                                                                   : "follower";
  log_.tell(Event::Level::kInfo, "role",
            fmt::format("role={} term={} leader={}", role, change.term, number(change.leader)),
            std::chrono::steady_clock::now());
}

void ReplicaHost::on_alarm(const raft::Alarm& alarm) {
  log_.tell(Event::Level::kError, "replicas differ",
            fmt::format("what=\"{}\" peer={} seq={} action=\"compare the nodes' data\"",
                        raft::name_of(alarm.kind), number(alarm.peer), alarm.ours.seq),
            std::chrono::steady_clock::now());
}

void ReplicaHost::on_peer_fault(std::string_view address, std::string_view cause) {
  log_.tell(Event::Level::kWarning, "peer refused",
            fmt::format("address={} cause=\"{}\"", address, cause),
            std::chrono::steady_clock::now());
}

peer::Hello ReplicaHost::hello() const {
  peer::Hello hello;
  hello.cluster_id = options_.cluster_id;
  hello.node_id = raft::NodeId{options_.node_id};
  hello.node_uuid = options_.node_uuid;
  hello.last = replica_->core().last();
  hello.commit = replica_->core().commit();
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
  const auto& members = members_.members;
  const auto member = std::ranges::find(members, number(other.node_id), &format::Member::node_id);
  if (member == members.end()) return refuse(Reason::kNotAMember, "not a member");
  if (!member->node_uuid.is_nil() && member->node_uuid != other.node_uuid) {
    return refuse(Reason::kReplaced, "that node had another disk; add it as a new member");
  }
  peer::Hello answer = hello();
  answer.to = other.node_id;
  answer.version_min = answer.version_max = *peer::common_version(other);
  return answer;
}

}  // namespace kv::cluster
