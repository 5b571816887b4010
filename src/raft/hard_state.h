#pragma once

#include <cstdint>

#include "raft/types.h"

namespace kv::raft {

// What a node must know after a restart, beside its log. Term and vote change in one write.
struct HardState {
  Term term = 0;
  NodeId voted_for = kNoNode;  // in `term`
  // The best record that this node once had on disk and may since have lost to damage; {} when it
  // has everything it ever acknowledged.
  Position claimed_last = {};
  // It met what cannot be (see Alarm) and takes no part until a person cleared this.
  bool is_quarantined = false;
  // Known to be committed and on our disk; may lag behind.
  Seq commit_hint = 0;
  Term commit_hint_term = 0;  // of that record
  // Counts the changes of one incarnation; not kept.
  std::uint64_t version = 0;
};

}  // namespace kv::raft
