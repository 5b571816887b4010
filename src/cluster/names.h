#pragma once

#include <cstdint>

#include "raft/ready.h"
#include "raft/types.h"

namespace kv::cluster {

// What the core's types are for people and for clients.
inline std::uint64_t number(raft::NodeId node) { return static_cast<std::uint64_t>(node); }

inline const char* role_name(raft::Role role) {
  switch (role) {
    case raft::Role::kLeader:
      return "leader";
    case raft::Role::kFollower:
      return "follower";
    default:
      return "candidate";
  }
}

}  // namespace kv::cluster
