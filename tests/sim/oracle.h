#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "raft/core.h"
#include "raft/digest.h"
#include "sim/memory_log.h"

namespace kv::sim {

// Sees everything that happens on every node at once, and holds it against what Raft promises
// (thesis figure 3.2, and what follows from it for reads and leases). The first thing that is wrong
// becomes the problem().
class Oracle {
 public:
  // On how many voters of that configuration a record is durable.
  using CountDurable = std::function<std::size_t(const raft::Point&, const raft::Config&)>;
  explicit Oracle(CountDurable count_durable) : count_durable_(std::move(count_durable)) {}

  const std::optional<std::string>& problem() const { return problem_; }
  void fail(std::string problem) {
    if (!problem_) problem_ = std::move(problem);
  }

  // Election Safety, Leader Completeness.
  void elected(raft::NodeId node, raft::Term term, const LogImage& log);
  // Log Matching.
  void appended(raft::NodeId node, const raft::Entry& entry);
  // Leader Append-Only.
  void truncated(raft::NodeId node, raft::Role role, raft::Seq seq);
  // One vote in a term.
  void voted(raft::NodeId node, raft::Term term, raft::NodeId candidate);
  // State Machine Safety; and that what is committed is durable on a majority.
  void committed(const raft::Core& core, const LogImage& log, raft::Seq first, raft::Seq last);
  // A node lost what its disk did not have: what is committed must still be durable on a majority
  // of those who vote throughout, if there are such.
  void vote_throughout(const raft::Config& config) { voters_ = config; }
  void crashed();
  void installed(raft::NodeId node, const raft::Point& point);
  // A follower says that its disk has the record at `seq`.
  void acknowledged(raft::NodeId node, const MemoryLog& log, raft::Seq seq);
  // A client was told that its record is there for good.
  void acknowledged(const raft::Point& point);
  // A read begins: what it must at least see. And ends: what it saw.
  raft::Seq visible() const { return visible_; }
  void read(raft::NodeId node, raft::Seq at_least, raft::Seq seen);
  // Valid leases, by node.
  void leases(const std::vector<raft::NodeId>& holders);

  raft::Seq last_committed() const { return commits_.size(); }
  bool has(const raft::Point& point) const {
    return point.seq <= commits_.size() && commits_[point.seq - 1].point == point;
  }
  std::size_t leaders() const { return leaders_.size(); }
  // All that later findings depend on.
  void fold(raft::Digest& digest) const;

 private:
  CountDurable count_durable_;
  std::optional<raft::Config> voters_;
  std::map<raft::Term, raft::NodeId> leaders_;
  std::map<std::pair<raft::Term, raft::Seq>, std::uint64_t> chains_;
  std::map<std::pair<raft::NodeId, raft::Term>, raft::NodeId> votes_;
  struct Commit {
    raft::Point point;
    raft::Term term = 0;  // in which it was committed, which may be later than the record's
  };
  std::vector<Commit> commits_;  // from sequence 1 on
  raft::Seq visible_ = 0;
  std::optional<std::string> problem_;
};

}  // namespace kv::sim
