#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/uuid.h"
#include "kv/result.h"
#include "kv/store.h"
#include "server/read_level.h"

namespace kv::server {

// What a member of a cluster is at the moment, as it knows.
struct ReplicationStatus {
  struct Peer {
    std::uint64_t node_id = 0;
    std::string address;        // for clients
    std::string peer_address;   // for members
    std::string role;           // "voter", "learner"
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
  std::string node_uuid;  // of its disk; 32 hex digits
  // "leader", "candidate", "follower", "learner"; "waiting": no member (yet); "refused": those that
  // it takes for members say that it is none.
  std::string role;
  std::uint64_t term = 0;
  std::uint64_t leader = 0;    // node id; 0: none is known
  std::string leader_address;  // for clients; empty: none is known
  std::string own_address;     // where the members send clients that are to talk to this one
  bool is_serving = false;     // it leads, and takes writes
  bool has_lease = false;      // nobody else can lead, as far as clocks can tell
  std::uint64_t last = 0;      // sequence of the log's end
  std::uint64_t durable = 0;
  std::uint64_t commit = 0;
  std::uint64_t applied = 0;
  std::uint64_t floor = 0;               // the log is there from behind it
  std::optional<double> received_share;  // of the state that another member sends; none: none does
  std::uint64_t records_put_back = 0;    // that this disk lost and others had, since the start
  std::uint64_t records_damaged = 0;     // nobody's copy could take their place so far
  double contact_seconds = 0;  // since a leader was heard; on a leader, since a majority was
  std::vector<Peer> peers;     // the other members, ascending
  std::uint64_t members_since =
      0;  // sequence of the record that says so; 0: as the cluster was made
  // Leadership is placed in etcd; none: votes alone place it.
  struct Placement {
    std::uint64_t holder = 0;   // node id: the leadership key names it; 0: nobody
    bool is_reachable = false;  // etcd answered the last question
    bool may_campaign = false;  // this node has the key, or needs none
  };
  std::optional<Placement> placement = {};
  // Of a leader: the newest record at which a majority, this node among them, was found to hold the
  // same; and how many members did. 0: not since it started.
  std::uint64_t compared = 0;
  std::uint64_t compared_members = 0;
  std::uint64_t election_us = 0;  // the shortest silence of a leader after which another is elected
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
  // False for some moments after a start: what merges kept may lack older versions, as if what
  // overwrote them were there, until that is known to be committed.
  virtual bool is_whole() const = 0;
  // Calls `done`, on any thread, once the store has everything up to that version; kTryLater: it
  // did not within the level's patience. kConflict: it was taken back, and another record has the
  // version now; kUnknownOutcome: that cannot be told any more.
  virtual void await_version(const ReadLevel& level, ReadDone done) = 0;
  // The server stops: who waits for a version hears so, and whoever comes to wait.
  virtual void end_waits() = 0;
  // As of some milliseconds ago.
  virtual ReplicationStatus status() const = 0;
  // Begins to hand leadership to a member; 0: to the one that has most of the log. kNotLeader,
  // kInvalidArgument: no such member. That it began is no promise; status() tells.
  virtual Result<void> transfer(std::uint64_t node_id) = 0;

  // Who is to be a member, and which disk of that number.
  struct Newcomer {
    std::uint64_t node_id = 0;
    base::Uuid node_uuid;
    std::string peer_address;
    std::string client_address;
  };
  // Each of them waits for what the node says to it, which may take as long as its disk does.
  //
  // The change is in the log then, and status() tells whether it is committed: by a majority of the
  // members as they are behind it. Who is added gets the log, and a vote once it has caught up. Who
  // is one already, with that disk, stays. kNotLeader; kTryLater: a change is under way, or it
  // leads since a moment ago; kInvalidArgument: it cannot be, and why.
  virtual Result<void> add(const Newcomer& newcomer) = 0;
  // `is_forced`: even if no majority of the rest is heard.
  virtual Result<void> remove(std::uint64_t node_id, bool is_forced) = 0;
  // Asks the others for their votes at once, as if it had waited for the leader long enough; they
  // give none while they hear one. kInvalidArgument: it may not lead, and why.
  virtual Result<void> campaign() = 0;
  // All members compare what they hold as of now; one that differs from the majority begins anew.
  // The version at which they do: status() tells once it is done. kNotLeader, kTryLater.
  virtual Result<std::uint64_t> compare() = 0;
};

// Whether clients may write here; null: a server alone.
inline bool is_primary(const ClusterMember* cluster) {
  return cluster == nullptr || cluster->status().is_serving;
}

}  // namespace kv::server
