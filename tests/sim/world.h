#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "sim/event_queue.h"
#include "sim/network.h"
#include "sim/options.h"
#include "sim/oracle.h"
#include "sim/trace.h"

namespace kv::sim {

class Replica;

// When a decision is made and not everybody knows.
enum class Moment : std::uint8_t { kVoted, kElected, kMembersChanged, kOverridden };

// What the parts of a simulation share.
struct World {
  Options options;
  EventQueue events;
  Network network;
  Oracle oracle;
  Trace trace;
  std::vector<std::unique_ptr<Replica>> replicas;
  std::function<void(Moment, Replica&)> on_moment;

  Replica& replica(raft::NodeId node) { return *replicas[static_cast<std::size_t>(node) - 1]; }
};

}  // namespace kv::sim
