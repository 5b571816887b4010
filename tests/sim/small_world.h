#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "raft/core.h"
#include "sim/memory_log.h"
#include "sim/oracle.h"
#include "sim/small_scope.h"

namespace kv::sim {

// What may happen next to a small world.
struct SmallStep {
  enum class Kind : std::uint8_t { kCampaign, kDeliver, kPropose, kSyncLog, kSyncState, kCrash };
  Kind kind = Kind::kCampaign;
  std::uint32_t node = 0;     // index
  std::uint64_t message = 0;  // digest; of kDeliver
  std::uint32_t kept = 0;     // of kCrash: unsynced writes to the log that survive
};

// A node with its disk.
struct SmallNode {
  SmallNode(std::size_t index, std::shared_ptr<const raft::Config> config);
  SmallNode(const SmallNode& other);
  SmallNode& operator=(const SmallNode&) = delete;
  ~SmallNode() = default;

  void start();
  void tick(std::uint64_t time_us);
  void fold(raft::Digest& digest) const;

  const std::size_t index;
  MemoryLog log;
  raft::HardState stable;
  std::deque<raft::HardState> unsynced;
  raft::Instant now = {.boot_us = 1, .raw_us = 1};
  std::unique_ptr<raft::Core> core;
  raft::Seq seen_commit = 0;
};

// A state of the search: a value; nodes and messages are shared between states until they change.
class SmallWorld {
 public:
  explicit SmallWorld(const Scope& scope);

  std::vector<SmallStep> steps() const;
  void take(const SmallStep& step);
  std::string describe(const SmallStep& step) const;
  std::uint64_t digest() const;
  const std::optional<std::string>& problem() const { return oracle_.problem(); }

 private:
  struct Mail {
    std::uint64_t digest = 0;
    std::shared_ptr<const raft::Message> message;
  };
  enum class Talk : std::uint8_t { kKept, kDropped };

  // A copy of its own, to be changed.
  SmallNode& change(std::size_t index);
  void campaign(std::size_t index);
  void deliver(std::uint64_t digest);
  void crash(std::size_t index, std::size_t kept);
  void sync_log(SmallNode& node);
  void sync_state(SmallNode& node);
  // Does what the core says, as long as it says something.
  void process(SmallNode& node, Talk talk);
  bool is_dead(const raft::Message& message) const;
  void obey(SmallNode& node, const raft::Ready& ready);
  void observe(SmallNode& node, const raft::Ready& ready);
  void check_durable(const raft::Point& point, const raft::Config& config);
  void post(const SmallNode& node, raft::Message message);

  std::shared_ptr<const Scope> scope_;
  std::vector<std::shared_ptr<SmallNode>> nodes_;
  std::vector<Mail> mail_;  // by digest; one of each
  Oracle oracle_;
  std::size_t elections_ = 0;
  std::size_t records_ = 0;
  std::size_t crashes_ = 0;
};

}  // namespace kv::sim
