#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "raft/types.h"

namespace kv::raft {

// Who the members are, and the one timing that all of them must share (rule E3): lease, promise and
// silence are fractions of it, so it is part of the log and never a flag.
struct Config {
  std::vector<NodeId> voters;    // ascending
  std::vector<NodeId> learners;  // ascending; they get the log and have no vote
  std::uint64_t election_us = 1'000'000;

  bool is_voter(NodeId node) const;
  bool is_learner(NodeId node) const;
  bool is_member(NodeId node) const { return is_voter(node) || is_learner(node); }
  bool is_only_voter(NodeId node) const { return voters.size() == 1 && is_voter(node); }
  std::size_t majority() const { return voters.size() / 2 + 1; }

  // Heartbeats come often enough that a few may be lost.
  std::uint64_t heartbeat_us() const { return election_us / 10; }
  // Rule L3: 10 % shorter than what voters promise, for clocks that run apart.
  std::uint64_t lease_us() const { return election_us / 10 * 9; }
  // Rule E5: longer than any promise that was made before the process started.
  std::uint64_t boot_silence_us() const { return election_us / 10 * 11; }

  // Ascending, each node once, with a timing that leaves room for heartbeats. It may be empty: a
  // node that is no member yet has such a one.
  static constexpr std::uint64_t kElectionMinUs = 1'000;
  bool is_well_formed() const;

  friend bool operator==(const Config&, const Config&) = default;
};

// The highest value that a majority of the voters has reached; 0 without voters.
std::uint64_t reached_by_majority(const Config& config,
                                  const std::function<std::uint64_t(NodeId)>& value_of);

struct ConfigAt {
  Seq seq = 0;
  std::shared_ptr<const Config> config;
};

// The configurations in the log from the newest committed one on. Rule M3: the newest counts as
// soon as it is appended, and the one before counts again when a new leader's log overrides it.
// Invariant: ascending by seq, never empty, and only the first may be committed.
class ConfigHistory {
 public:
  // Ascending; at least one.
  explicit ConfigHistory(std::vector<ConfigAt> configs);

  const Config& latest() const { return *configs_.back().config; }
  // The latest one itself if there is no other.
  const Config& before_latest() const {
    return *configs_[configs_.size() < 2 ? 0 : configs_.size() - 2].config;
  }
  // Committed, and at the start of the log we have.
  const ConfigAt& first() const { return configs_.front(); }
  Seq latest_seq() const { return configs_.back().seq; }
  std::size_t uncommitted() const { return configs_.size() - 1; }
  const std::vector<ConfigAt>& all() const { return configs_; }

  void append(Seq seq, std::shared_ptr<const Config> config);
  // True: the latest one was overridden.
  bool truncate_from(Seq seq);
  void commit_to(Seq seq);
  void replace(Seq seq, std::shared_ptr<const Config> config);

 private:
  std::vector<ConfigAt> configs_;
};

}  // namespace kv::raft
