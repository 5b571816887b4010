#pragma once

#include <cstdint>
#include <string>

#include "raft/types.h"

namespace kv::node {

// What comes of comparing what the members hold: for a log.
struct ComparisonNews {
  enum class Kind : std::uint8_t {
    kSame,          // of a leader: a majority of the voters holds the same, and this node, too
    kPeerDiffers,   // of a leader: that member does not; it will begin anew
    kPeerIsNeeded,  // the same, but the others need it, or nobody can give it all; it stays
    kSelfDiffers,   // of a leader: this node does not; it hands over
    kUndecided,     // of a leader: all said what they hold, and no majority holds the same
    kUnreadable,    // this node cannot say what it holds; see `cause`
    kMayLack,  // damage that a start found may hide keys here (`cause`): it compares as different
    kBeginsAnew,  // this node gives up what it holds and gets it from the leader
  };
  Kind kind = Kind::kSame;
  raft::Seq seq = 0;  // of the record at which all compare
  raft::NodeId peer = raft::kNoNode;
  std::uint64_t keys = 0;
  std::uint64_t members = 0;  // that hold the same
  std::uint64_t buckets = 0;  // that differ, of StateFingerprint::kBuckets
  std::string cause;
};

}  // namespace kv::node
