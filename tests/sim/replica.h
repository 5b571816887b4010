#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <vector>

#include "io/sim_random.h"
#include "raft/core.h"
#include "sim/disk_queue.h"
#include "sim/memory_log.h"
#include "sim/node_clock.h"
#include "sim/world.h"

namespace kv::sim {

// A machine and on it a process that drives a core: does what a Ready says, on a disk that takes
// its time, and tells the oracle of all of it. The process can die, and be stopped and go on.
class Replica {
 public:
  Replica(World& world, std::size_t index, std::shared_ptr<const raft::Config> config);

  // The process.
  void start();
  void crash();
  bool is_up() const { return core_.has_value(); }
  bool is_paused() const { return is_paused_; }
  void pause(NodeClock::Motion motion);
  void resume();
  bool runs() const { return is_up() && !is_paused_; }
  // Of what it keeps after a crash, the records from a random one on are unreadable.
  void damage();
  bool is_damaged() const { return stable_.claimed_last != raft::Position(); }

  // Clients and operators. The process runs.
  void write(std::uint64_t value);
  void read();
  void lease_read();
  void transfer(raft::NodeId target);
  void change_config(const raft::ConfigChange& change);
  void compact();
  // Of all its lives from here on.
  void set_gate(bool may_campaign);
  void receive(const raft::Message& message);

  // What the oracle sees. The process is up.
  const raft::Core& core() const { return *core_; }
  bool holds_lease() const;
  const MemoryLog& log() const { return log_; }
  raft::NodeId id() const { return id_; }
  // Whether its disk has that record, or a note that it lost it.
  bool vouches_for(const raft::Point& point) const;
  std::size_t waiting() const { return writes_.size() + reads_.size(); }
  std::uint64_t acknowledged() const { return acknowledged_; }
  std::uint64_t reads_done() const { return reads_done_; }
  void set_disk(const DiskOptions& options);
  NodeClock& clock() { return clock_; }

 private:
  struct Read {
    raft::Seq at_least = 0;
    std::optional<raft::Seq> seq = {};
    bool has_lease = false;
  };

  // Runs in this life of the process, or not at all; once it goes on, if it is paused.
  void plan(Time delay, std::function<void()> action);
  std::function<void()> in_this_life(std::function<void()> action);
  void run(const std::function<void()>& action);
  void tick();
  void plan_tick();
  void process();
  void persist(const raft::Ready& ready);
  void roll_back(raft::Seq from);
  void send(raft::Message message);
  void apply(const raft::Ready& ready);
  void applied(raft::Seq seq);
  void finish_writes();
  void finish_reads();
  void take_results(const std::vector<raft::ReadResult>& results);
  void observe(const raft::Ready& ready);
  void moment(Moment moment);
  void watch(const raft::Message& message);

  World& world_;
  const raft::NodeId id_;
  io::SimRandom random_;
  NodeClock clock_;
  bool is_gate_open_ = true;

  // The machine's.
  MemoryLog log_;
  raft::HardState stable_;
  std::deque<raft::HardState> unsynced_states_;
  DiskQueue log_disk_;
  DiskQueue state_disk_;

  // The process's.
  std::optional<raft::Core> core_;
  std::uint64_t life_ = 0;
  bool is_paused_ = false;
  std::vector<std::function<void()>> inbox_;  // while paused
  raft::Seq applied_ = 0;
  std::map<raft::Seq, raft::Point> writes_;  // not yet acknowledged
  std::map<raft::ReadId, Read> reads_;
  raft::ReadId next_read_ = 1;
  raft::Term seen_term_ = 0;
  raft::Seq seen_commit_ = 0;
  std::uint64_t acknowledged_ = 0;
  std::uint64_t reads_done_ = 0;
};

}  // namespace kv::sim
