#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "raft/config.h"
#include "raft/hard_state.h"

namespace kv::raft {

inline constexpr std::uint64_t kNoBound = UINT64_MAX;

// Limits of one node. What all members must agree on is in Config.
struct Settings {
  // Reads on the word of the leader's lease: opt-in, as they rely on clocks (rules L1 to L6; see
  // lease.cc).
  bool has_lease_reads = false;
  // Of one append message.
  std::uint64_t append_bytes_max = 1 << 20;
  std::uint64_t append_records_max = 256;
  // On the way to one peer.
  std::uint64_t inflight_bytes_max = 16 << 20;
  std::size_t inflight_messages_max = 256;
  // Of records a leader proposed that are not committed yet (rule R8); each counts with
  // kEntryOverhead on top of its size.
  std::uint64_t uncommitted_bytes_max = 64 << 20;
  // Bytes a second, and what the log grows by: to a peer without which everything is committed that
  // it lacks; see Pace. So many of the state that a driver sends, too.
  std::uint64_t catch_up_rate = kNoBound;
  // How long what is known to be committed may be newer than what the hard state says of it: a
  // write of its own, for which nothing waits. Less of the log is then of unknown fate after a
  // restart.
  std::uint64_t commit_hint_us = 1'000'000;
  // Reads that wait, on this node.
  std::size_t reads_max = 16'384;
};
inline constexpr std::uint64_t kEntryOverhead = 64;

// Whether a core can work with them: nothing that must be sent may be bounded to nothing. A core
// checks them when it is made; whoever takes them from a person asks before.
constexpr bool is_valid(const Settings& settings) {
  return settings.append_bytes_max > 0 && settings.append_records_max > 0 &&
         settings.inflight_bytes_max > 0 && settings.inflight_messages_max > 0 &&
         settings.uncommitted_bytes_max > 0 && settings.catch_up_rate > 0 && settings.reads_max > 0;
}

// What a node wakes up with.
struct Boot {
  NodeId id = kNoNode;
  HardState hard_state;
  // The configurations in the log, ascending, beginning with the one in force at the log's floor
  // or a later one that is known to be committed.
  std::vector<ConfigAt> configs;
  // Up to here the driver has applied, all of it committed: the log's floor or more, its end or
  // less.
  Seq applied = 0;
  // Another one at each start: answers to an earlier life's questions must not fit this one's.
  std::uint64_t seed = 1;
};

}  // namespace kv::raft
