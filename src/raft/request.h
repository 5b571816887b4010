#pragma once

#include <cstdint>

#include "raft/entry.h"
#include "raft/types.h"

namespace kv::raft {

// Why a request was not taken. Nothing was changed, so it may be tried again, here or elsewhere.
enum class Refusal : std::uint8_t {
  kNotLeader,      // see Core::leader()
  kNotReady,       // elected, but its NOOP is not applied yet (rule E7)
  kBusy,           // a bound is reached (rule R8)
  kTransferring,   // leadership is on its way to another node
  kConfigPending,  // an earlier change of the members is not committed (rule M2)
  kNotCaughtUp,    // the learner lags behind too far to vote (rule M4)
  kNoMajority,     // of the voters that would be left too few were heard lately (rule M7)
  kInvalid,        // no such node, or it is that already, or nobody would be left to vote
};
const char* name_of(Refusal refusal);

// A record the driver wants in the log; it keeps the bytes until a Ready says to write them.
struct Payload {
  std::uint64_t size = 0;    // bytes in the log
  std::uint64_t digest = 0;  // of the body: what Log::extend_chain needs
};

// One step of one node (thesis 4.1). A node becomes a voter by way of being a learner.
//
// A leader that is to be removed should be told to transfer first, and its successor to remove it
// (rule M5). It may remove itself: it leads until that is committed and then lets go, so that
// nobody takes writes for one to two election timeouts.
struct ConfigChange {
  enum class Kind : std::uint8_t { kAddLearner, kPromote, kRemove };
  Kind kind = Kind::kAddLearner;
  NodeId node = kNoNode;
  // Of kRemove: even if no majority of the rest was heard within an election timeout. Unless enough
  // of them come back, the cluster commits nothing any more, this change included.
  bool is_forced = false;
};

}  // namespace kv::raft
