#include "sim/oracle.h"

#include <algorithm>

#include <fmt/format.h>

namespace kv::sim {

namespace {

std::uint64_t number(raft::NodeId node) { return static_cast<std::uint64_t>(node); }

std::string text(const raft::Point& point) {
  return fmt::format("{}.{} ({:x})", point.term, point.seq, point.chain);
}

}  // namespace

void Oracle::elected(raft::NodeId node, raft::Term term, const LogImage& log) {
  const auto [leader, is_first] = leaders_.try_emplace(term, node);
  if (!is_first && leader->second != node) {
    fail(fmt::format("election safety: nodes {} and {} both lead term {}", number(leader->second),
                     number(node), term));
  }
  // What was committed in this term or later need not be known: a node may win long after others
  // went on without it.
  raft::Seq proof = commits_.size();
  while (proof > 0 && commits_[proof - 1].term >= term) --proof;
  proof = std::max(proof, log.floor.seq);
  if (proof == 0 || (log.last_seq() >= proof && has(log.point_at(proof)))) return;
  fail(fmt::format("leader completeness: node {} leads term {} with its log at {} and without {}",
                   number(node), term, text(log.point_at(log.last_seq())),
                   text(commits_[proof - 1].point)));
}

void Oracle::appended(raft::NodeId node, const raft::Entry& entry) {
  const auto [chain, is_first] = chains_.try_emplace({entry.term, entry.seq}, entry.chain);
  if (!is_first && chain->second != entry.chain) {
    fail(fmt::format("log matching: node {} appends {}, another node has chain {:x} there",
                     number(node), text(entry.point()), chain->second));
  }
}

void Oracle::truncated(raft::NodeId node, raft::Role role, raft::Seq seq) {
  if (role == raft::Role::kLeader) {
    fail(fmt::format("leader append-only: node {} leads and truncates from {}", number(node), seq));
  }
}

void Oracle::voted(raft::NodeId node, raft::Term term, raft::NodeId candidate) {
  const auto [vote, is_first] = votes_.try_emplace({node, term}, candidate);
  if (!is_first && vote->second != candidate) {
    fail(fmt::format("one vote: node {} votes for {} and {} in term {}", number(node),
                     number(vote->second), number(candidate), term));
  }
}

void Oracle::committed(const raft::Core& core, const LogImage& log, raft::Seq first,
                       raft::Seq last) {
  for (raft::Seq seq = first; seq <= last; ++seq) {
    const raft::Point point = log.point_at(seq);
    if (seq <= commits_.size()) {
      if (has(point)) continue;
      return fail(fmt::format("state machine safety: node {} commits {}, but committed is {}",
                              number(core.id()), text(point), text(commits_[seq - 1].point)));
    }
    if (seq != commits_.size() + 1) {
      return fail(fmt::format("node {} commits {} with nothing before", number(core.id()), seq));
    }
    commits_.push_back({point, core.term()});
    const std::size_t copies = count_durable_(point, core.config());
    if (copies < core.config().majority()) {
      return fail(fmt::format("committed is durable: node {} commits {}, durable on {} of {}",
                              number(core.id()), text(point), copies, core.config().voters.size()));
    }
  }
}

void Oracle::crashed() {
  if (!voters_ || commits_.empty()) return;
  const raft::Point& point = commits_.back().point;
  const std::size_t copies = count_durable_(point, *voters_);
  if (copies >= voters_->majority()) return;
  fail(fmt::format("committed is durable: {} is on {} disks after a crash", text(point), copies));
}

void Oracle::installed(raft::NodeId node, const raft::Point& point) {
  if (!has(point)) {
    fail(fmt::format("node {} installs {}, which is not committed", number(node), text(point)));
  }
}

void Oracle::acknowledged(raft::NodeId node, const MemoryLog& log, raft::Seq seq) {
  // Below what a snapshot replaces, which is committed, any copy will do.
  if (seq <= log.synced().floor.seq) return;
  if (seq < log.written().floor.seq && seq <= log.synced().last_seq()) return;
  if (log.synced().has(log.written().point_at(seq))) return;
  fail(fmt::format("node {} acknowledges {}, which is not on its disk", number(node),
                   text(log.written().point_at(seq))));
}

void Oracle::acknowledged(const raft::Point& point) {
  if (!has(point)) {
    return fail(fmt::format("acknowledged and not committed: {}", text(point)));
  }
  visible_ = std::max(visible_, point.seq);
}

void Oracle::read(raft::NodeId node, raft::Seq at_least, raft::Seq seen) {
  if (seen < at_least) {
    return fail(fmt::format("stale read: node {} reads as of {}, {} was visible before it began",
                            number(node), seen, at_least));
  }
  if (seen > commits_.size()) {
    return fail(fmt::format("dirty read: node {} reads {}, committed is {}", number(node), seen,
                            commits_.size()));
  }
  visible_ = std::max(visible_, seen);
}

void Oracle::fold(raft::Digest& digest) const {
  for (const auto& [term, leader] : leaders_) digest.add(term).add(leader);
  for (const Commit& commit : commits_) digest.add(commit.point).add(commit.term);
  for (const auto& [vote, candidate] : votes_) {
    digest.add(vote.first).add(vote.second).add(candidate);
  }
}

void Oracle::leases(const std::vector<raft::NodeId>& holders) {
  if (holders.size() < 2) return;
  fail(fmt::format("two leases: nodes {} and {}", number(holders[0]), number(holders[1])));
}

}  // namespace kv::sim
