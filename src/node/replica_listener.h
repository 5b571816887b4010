#pragma once

#include <functional>
#include <optional>
#include <utility>

#include "kv/result.h"
#include "node/base_news.h"
#include "node/comparison_news.h"
#include "node/repair_news.h"
#include "peer/gather.h"
#include "raft/clock.h"
#include "raft/ready.h"

namespace kv::node {

// What a replica tells whoever runs it. Called from within the replica's functions.
class ReplicaListener {
 public:
  virtual ~ReplicaListener() = default;
  // Any frame may be lost, or come late, twice or in another order.
  virtual void send(raft::NodeId to, peer::Gather frame) = 0;
  // A piece of a file: of those many may wait, and everything else passes them.
  virtual void send_chunk(raft::NodeId to, peer::Gather frame) { send(to, std::move(frame)); }
  // Until when reads of what has all up to `commit` need no round (raft::Core::lease_end), told
  // before the messages go that say more of it, or end it.
  virtual void on_lease(const std::optional<raft::Instant>& until, raft::Seq commit) = 0;
  virtual void on_role(const raft::RoleChange& change) = 0;
  virtual void on_read(const raft::ReadResult& read) = 0;
  virtual void on_alarm(const raft::Alarm& alarm) = 0;
  // A leader's record that the peer lacks is damaged here, and so cannot be sent. Told again and
  // again.
  virtual void on_unreadable(raft::NodeId, raft::Seq, const Error&) {}
  // Replica::memberships() changed.
  virtual void on_members() = 0;
  virtual void on_base(const BaseNews& news) = 0;
  virtual void on_repair(const RepairNews& news) = 0;
  virtual void on_comparison(const ComparisonNews&) {}
  // Reads or writes files for longer than the replica may: `job` is run elsewhere, one after the
  // other in the order of these calls, and `done` later where the replica is, but never from
  // within this call, and never once the replica is gone. The store outlives all jobs.
  virtual void run_aside(std::function<void()> job, std::function<void()> done) = 0;
};

}  // namespace kv::node
