#pragma once

#include <compare>
#include <cstdint>

namespace kv::raft {

// A member of the cluster; a node whose disk was wiped comes back under another one.
enum class NodeId : std::uint64_t {};
inline constexpr NodeId kNoNode{0};

// Logical time: at most one leader in each. 0: before the first election.
using Term = std::uint64_t;
// Place of a record in the log: dense, from 1. 0: before the first record.
using Seq = std::uint64_t;
// A leader numbers what it asks of its peers: every append carries the round it belongs to and
// every reply echoes it. Within one term a higher round began later.
using Round = std::uint64_t;

// What votes compare: the end of a log, in the order "more up to date" (thesis 3.6.1).
struct Position {
  Term term = 0;
  Seq seq = 0;
  friend auto operator<=>(const Position&, const Position&) = default;
};

// A record as peers name it to each other. `chain` hashes every record up to and with this one:
// equal points mean equal logs up to there.
struct Point {
  Term term = 0;
  Seq seq = 0;
  std::uint64_t chain = 0;
  friend bool operator==(const Point&, const Point&) = default;
  Position position() const { return {term, seq}; }
};

enum class Role : std::uint8_t { kFollower, kPreCandidate, kCandidate, kLeader };

}  // namespace kv::raft
