#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "kv/result.h"
#include "kv/store.h"

namespace kv::server {

// What a member of a cluster is at the moment, as it knows.
struct ReplicationStatus {
  struct Peer {
    std::uint64_t node_id = 0;
    std::string address;        // for clients
    bool is_connected = false;  // this node's connection to it
    bool is_followed = false;   // what follows is known: this node leads
    std::uint64_t durable = 0;  // sequence that it has on its disk
    std::uint64_t lag_records = 0;
    std::uint64_t lag_bytes = 0;  // of the log
    double lag_seconds = 0;       // age of the first record that it does not have; 0: it has all
    std::optional<double> sent_share;  // of the state that is sent to it; none: it gets records
  };
  std::string cluster_id;  // 32 hex digits
  std::uint64_t node_id = 0;
  std::string role;  // "leader", "candidate", "follower", "learner"
  std::uint64_t term = 0;
  std::uint64_t leader = 0;    // node id; 0: none is known
  std::string leader_address;  // for clients; empty: none is known
  bool is_serving = false;     // it leads, and takes writes
  bool has_lease = false;      // nobody else can lead, as far as clocks can tell
  std::uint64_t last = 0;      // sequence of the log's end
  std::uint64_t durable = 0;
  std::uint64_t commit = 0;
  std::uint64_t applied = 0;
  std::uint64_t floor = 0;               // the log is there from behind it
  std::optional<double> received_share;  // of the state that another member sends; none: none does
  double contact_seconds = 0;  // since a leader was heard; on a leader, since a majority was
  std::vector<Peer> peers;     // the other members, ascending
};

// The cluster as the server of one of its members sees it. Any thread.
class ClusterMember {
 public:
  using ReadDone = std::function<void(Result<void>)>;

  virtual ~ClusterMember() = default;
  // Calls `done`, on any thread, once a read of the store is linearizable for whoever asked before
  // this call, or with why it will not be: kNotLeader, with the fields of that reply.
  virtual void confirm_read(ReadDone done) = 0;
  // Where leases are trusted and this member holds one: what the store has to have, so that reading
  // it is linearizable for whoever asked before this call. At once.
  virtual std::optional<Version> lease_version() const { return std::nullopt; }
  // Calls `done`, on any thread, once the store has everything up to that version; kTryLater: it
  // did not within `patience`.
  virtual void await_version(Version version, std::chrono::milliseconds patience,
                             ReadDone done) = 0;
  // As of some milliseconds ago.
  virtual ReplicationStatus status() const = 0;
  // Begins to hand leadership to a member; 0: to the one that has most of the log. kNotLeader,
  // kInvalidArgument: no such member. That it began is no promise; status() tells.
  virtual Result<void> transfer(std::uint64_t node_id) = 0;
};

// Whether clients may write here; null: a server alone.
inline bool is_primary(const ClusterMember* cluster) {
  return cluster == nullptr || cluster->status().is_serving;
}

}  // namespace kv::server
