#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "engine/segment.h"

namespace kv::engine {

// Bytes of the segment that a merge of it would give back: what is neither live nor a delete that
// was found to be needed. (Deletes nobody has looked at yet count as dead.)
std::uint64_t dead_bytes(const Segment& segment);

// Why a segment stays as it is, the first that holds.
enum class KeepRule {
  kActive,         // writers append to it
  kUnsealed,       // its size and hint are not fixed yet
  kDamaged,        // what it holds is not known for sure
  kNotVisible,     // its newest records are not in the index yet
  kInLog,          // of a cluster: members may need its records as a log
  kEndsLog,        // the newest sealed segment of the log: tells where the log ends
  kHidingDeletes,  // little else in it is dead, and its deletes hide older records elsewhere
  kNothingDead,    // there is nothing to give back
  kTooLittleDead,  // not worth copying the rest
  kNone,           // a merge takes it
};

struct KeepContext {
  std::uint64_t applied_sequence = 0;
  std::uint64_t log_end = 0;             // last sequence in sealed segments of the log
  std::uint64_t log_floor = UINT64_MAX;  // of a cluster: the log is kept behind it
};
// The log's end as the segments have it.
std::uint64_t log_end(const std::vector<std::shared_ptr<Segment>>& segments);

KeepRule keep_rule(const Segment& segment, bool is_active, const KeepContext& context);
// A merge that was asked for takes it, as soon as anything in it is dead.
bool is_mergeable(KeepRule rule);
// For people, behind "kept: ". Empty for kNothingDead.
std::string_view text_of(KeepRule rule);

}  // namespace kv::engine
