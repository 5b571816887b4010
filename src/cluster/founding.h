#pragma once

#include <set>
#include <utility>

#include "raft/types.h"

namespace kv::cluster {

// What a member with an empty directory and a list of peers waits for before it takes part, which
// is to vote, to ask for votes, and to take records: that each of the others has let it in once.
//
// Who lets it in has written down whose disk that is (MEMBERS), and lets in no other one under that
// number. So of a disk that ever counted in a majority all the other founders know, and whoever
// comes back in its place with nothing finds one that refuses it: it never makes a majority
// together with those who missed what the lost disk had acknowledged. See decision 0014.
//
// Nothing of it is on disk: who has a term has taken part, and does not wait again.
class Founding {
 public:
  explicit Founding(std::set<raft::NodeId> others) : missing_(std::move(others)) {}

  void let_in(raft::NodeId by) { missing_.erase(by); }
  bool is_over() const { return missing_.empty(); }
  const std::set<raft::NodeId>& missing() const { return missing_; }

 private:
  std::set<raft::NodeId> missing_;
};

}  // namespace kv::cluster
