#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "server/merge_desk.h"

namespace kv::server {

class Conversation;

// Work that may wait for the disk. run() happens on a thread of the I/O pool; finish() then on the
// connection's own thread, unless the connection has ended meanwhile.
class SlowTask {
 public:
  virtual ~SlowTask() = default;
  virtual void run() = 0;
  virtual void finish(Conversation& conversation) = 0;
};

// One that a certain kind of conversation has started, which alone gets it back.
template <class Kind>
class TaskOf : public SlowTask {
 public:
  void finish(Conversation& conversation) final { finish_in(static_cast<Kind&>(conversation)); }
  virtual void finish_in(Kind& conversation) = 0;
};

// Waits for a merge; `outcome` is set before finish(). Nothing runs on the I/O pool.
class MergeTask : public SlowTask {
 public:
  void run() final {}
  Result<MergeSummary> outcome;
};

// Where conversations leave such work. One thread at a time.
class SlowWork {
 public:
  virtual ~SlowWork() = default;
  // Takes the task and returns true, or leaves it alone when too many are waiting.
  [[nodiscard]] virtual bool start(std::uint64_t connection, std::unique_ptr<SlowTask>& task) = 0;
  // The same for work of seconds to minutes, on a thread of its own, one task after the other.
  [[nodiscard]] virtual bool start_long(std::uint64_t connection,
                                        std::unique_ptr<SlowTask>& task) = 0;
  // Has the store merge everything, as MergeDesk::start() does. `task` may be null: nobody waits.
  // nullopt: too many wait.
  [[nodiscard]] virtual std::optional<MergeTicket> start_merge(std::uint64_t connection,
                                                               std::unique_ptr<MergeTask>& task,
                                                               std::uint64_t rate_max) = 0;
};

}  // namespace kv::server
