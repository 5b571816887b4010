#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/uuid.h"
#include "cluster/placed_leadership.h"
#include "format/membership.h"
#include "kv/options.h"
#include "kv/store.h"
#include "server/cluster_member.h"
#include "server/event_log.h"

namespace kv::cluster {

// A member of a cluster, opened: its directory, its promises, its store and its replica.
//
// A directory becomes a member's in this order: HARDSTATE, MEMBERS, IDENTITY. A crash before the
// last leaves an empty database that is in no cluster, and the same command goes on with it; from
// then on HARDSTATE and MEMBERS must be there.
//
// Threads: those of ReplicaHost and of the store; open and close from one.
class ClusterNode {
 public:
  struct Settings {
    std::string directory;
    Options store;
    // 0, and no members: as the directory says.
    std::uint64_t node_id = 0;
    format::Membership members;  // of a new one; of an old one they tell new addresses
    // Instead of members: a new one waits to be added to that cluster.
    struct Join {
      base::Uuid cluster_id;
      std::uint64_t election_us = 0;
      format::Member self;
    };
    std::optional<Join> join;
    std::string cluster_name;                              // of a new one
    bool is_cluster_name_given = false;                    // and not the default
    std::uint64_t log_retention = std::uint64_t{1} << 30;  // bytes; see node::Replica::Parts
    std::uint64_t catch_up_rate = 64 * 1024 * 1024;        // bytes a second; see raft::Settings
    std::uint64_t compare_seconds = 600;                   // the same; 0: only when asked for
    bool has_lease_reads = false;                          // see ReadLease
    std::optional<EtcdSettings> etcd = {};                 // see ReplicaHost
    bool is_insecure = false;                              // other machines may reach it
    std::function<void(const Error&)> on_failure;          // see ReplicaHost
    // Another member's state came, for what this node has not and gets as records no more: it has
    // that once it was closed and opened again.
    std::function<void()> on_replaced = [] {};
    // Which of the above does not count, as the directory knows better, and what to do.
    std::function<void(std::string_view name, const std::string& details)> warn;
    server::EventLog::Write log;
  };
  // kInvalidArgument: what is asked for is not what the directory is. Else as Store::open, or
  // kIo when the address for members is taken.
  static Result<std::unique_ptr<ClusterNode>> open(Settings settings);
  ~ClusterNode();
  ClusterNode(const ClusterNode&) = delete;
  ClusterNode& operator=(const ClusterNode&) = delete;

  Store& store();
  server::ClusterMember& member();
  // Hands leadership over, if it has it and somebody can take it; waits for that no longer than an
  // election would take.
  void step_down();
  // Once nobody uses the store any more. A state that came takes the place of the old one.
  Result<void> close();

 private:
  struct State;
  explicit ClusterNode(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// Where clients find the member whose directory that is; none: it is no member's, or cannot be
// read, and opening it tells why.
std::optional<std::string> client_address_of(const std::string& directory);

// That a member's directory has lost HARDSTATE or MEMBERS, without which it is not opened, and what
// to do; nullopt: it has not, or is no member's.
std::optional<std::string> lost_file_of(const std::string& directory);

}  // namespace kv::cluster
