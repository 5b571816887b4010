#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "cluster/local_window.h"
#include "cluster/read_lease.h"
#include "engine/store_impl.h"
#include "io/sim_file_system.h"
#include "node/hard_state_file.h"
#include "node/replica.h"
#include "sim/event_queue.h"
#include "sim/network.h"
#include "sim/node_clock.h"

namespace kv::kvsim {

using sim::Time;

class Cluster;

// The smallest that there is.
constexpr std::uint64_t kSegmentSize = 4096;

// When the power is to go: during the change that follows `changes` others, the first of which
// concerns a file whose path has `path_part` in it.
struct PowerCut {
  std::string path_part;  // empty: any
  std::uint64_t changes = 0;
};

// A machine with a disk and clocks of its own and, while it is up, the process on it: the replica
// and the store as they ship, driven by the simulation's events.
//
// The power may go between two events or in the midst of what one does. Then the process comes to
// its end without a change to the disk, or a word to anybody.
class Machine : private node::ReplicaListener, private EventListener {
 public:
  // One that is no founder waits to be added to the cluster.
  enum class Role { kFounder, kSpare };
  Machine(Cluster& cluster, std::size_t index, Role role, std::uint64_t seed);
  ~Machine() override;

  // A process that dies on the way is reported by Cluster::on_death().
  void start();
  // The process dies, or the power goes: what was not synced is kept, lost or torn.
  void crash(io::CrashMode mode);
  // The same in the midst of what it will be doing. One at a time.
  void plan(PowerCut cut);
  void keep_power();  // takes that back
  // It is down: another disk takes the place of its own.
  void wipe();
  bool is_up() const { return replica_ != nullptr; }
  bool leads() const { return is_up() && replica_->core().serves(); }
  raft::NodeId leader() const { return is_up() ? replica_->core().leader() : raft::kNoNode; }

  // `done` is told once; a process that dies tells nobody.
  using Done = std::function<void(Result<WriteResult>)>;
  void write(const Write& write, Done done);
  using ReadDone = std::function<void(Result<std::optional<Value>>)>;
  void read(const std::string& key, ReadDone done);
  // Bytes of a record change on its disk: the newest of its key, and not of the log any more. As
  // they were again when the process ends: what a start makes of damage is not looked at here.
  void rot();
  void undo_rot();
  // It is down since its power went: bytes of its disk change. False: nothing of its log did. Until
  // it has all again, it has to say so.
  bool damage(io::SimRandom& random);
  bool is_damaged() const { return is_damaged_; }
  // The disk refuses something, once or a few times; or has room for so many bytes more. The
  // process may end of it.
  void fail_disk(io::SimFault fault);
  void fill_disk(std::uint64_t room);
  void stall_disk(Time duration);
  void mend_disk();
  // A newest record cannot be read. Somebody tries to, as clients do.
  bool has_losses() const;
  void transfer(raft::NodeId target);
  void change_members(const node::MemberChange& change);
  // The process stands still; what comes meanwhile it finds when it goes on.
  void pause(Time duration, sim::NodeClock::Motion motion);
  void resume();

  // While one looks at it as nobody but a test does, its disk fails in nothing.
  class Look {
   public:
    explicit Look(const Machine& machine) : machine_(machine) {
      if (machine_.looks_++ == 0) machine_.fs_.hold_faults(true);
    }
    ~Look() {
      if (--machine_.looks_ == 0) machine_.fs_.hold_faults(false);
    }
    Look(const Look&) = delete;
    Look& operator=(const Look&) = delete;

   private:
    const Machine& machine_;
  };
  // The end of its log, as far as it is committed.
  raft::Point committed() const;
  std::uint64_t applied() const { return replica_->applied(); }
  std::uint64_t last_sequence() const { return store_->pipeline().last_sequence(); }
  std::map<std::string, std::string> content() const;
  std::string describe() const;
  void note_files() const;  // in the run's trace, with their bytes
  StoreImpl& store() const { return *store_; }
  const base::Uuid& uuid() const { return uuid_; }
  const node::MembershipLog& memberships() const { return replica_->memberships(); }
  const raft::Core& core() const { return replica_->core(); }
  raft::Term term() const { return core().term(); }
  // By its clocks as they are.
  bool holds_lease() const { return core().holds_lease(now()); }
  // As its disk has it.
  const raft::HardState& hard_state() const { return hard_state_->state(); }
  raft::Seq commit_hint() const { return hard_state().commit_hint; }
  // Of its log, as it was written; none where it ends before.
  std::optional<std::uint64_t> chain_at(raft::Seq seq) const;
  // The same of what is on its disk, be it up or not; only of what was not known to be committed
  // when it went down.
  std::optional<std::uint64_t> durable_chain_at(const base::Uuid& disk, raft::Seq seq) const;
  const raft::Settings& settings() const { return settings_; }
  const io::SimFileSystem& fs() const { return fs_; }
  // Requests that have no answer yet.
  std::size_t waiting_writes() const { return waiting_.writes.size(); }
  std::size_t waiting_reads() const { return reads_.size(); }
  bool has_failed() const { return replica_->failure().has_value(); }
  sim::NodeClock& clock() { return clock_; }
  std::size_t index() const { return index_; }

 private:
  static constexpr const char* kPath = "/db";
  static constexpr std::uint64_t kCapacity = std::uint64_t{1} << 40;  // bytes

  struct Waiting : WriteListener {
    explicit Waiting(const io::SimFileSystem& machine_fs) : fs(machine_fs) {}
    const io::SimFileSystem& fs;
    std::unordered_map<std::uint64_t, Done> writes;
    std::uint64_t next = 1;
    void on_written(const WriteTag& tag, Result<WriteResult> result) override;
  };
  struct Read {
    std::string key;
    ReadDone done;
    std::optional<raft::Seq> seq;
    Time since = 0;
  };

  // What the disk is asked for. True: the power goes.
  bool on_call(const io::SimCall& call);
  void send(raft::NodeId to, peer::Gather frame) override;
  void on_role(const raft::RoleChange&) override {}
  void on_lease(const std::optional<raft::Instant>& until, raft::Seq commit) override;
  void on_read(const raft::ReadResult& read) override;
  void on_members() override {}
  void on_base(const node::BaseNews&) override {}
  void on_repair(const node::RepairNews& news) override;
  void on_comparison(const node::ComparisonNews& news) override;
  void run_aside(std::function<void()> job, std::function<void()> done) override;
  void on_alarm(const raft::Alarm& alarm) override;
  void on_event(const Event& event) override;
  Result<void> open();
  Result<void> open_members(engine::DataDirectory& dir);
  void check_memory();
  void check_claim();
  void reopen();
  void die(const std::string& where);
  void give_up(const std::string& why);
  void note_durable();
  void end(io::CrashMode mode);
  // To be called after all that the process did: did it outlive it?
  void look();
  peer::Hello hello() const;
  void receive(const std::string& frame, const peer::Hello& sender);
  void after(Time delay, std::function<void()> action);
  void plan_disk();
  void note_window();
  void ask_what_is_whole();
  std::vector<engine::RecordRepair::Loss> losses() const;
  void finish_reads();
  void refuse_reads_without_leader();
  void run(std::function<void()> action);
  void write_now(const Write& write, Done done);
  void read_now(const std::string& key, const ReadDone& done);
  void receive_now(const std::string& bytes, const peer::Hello& sender);
  raft::Instant now() const;

  Cluster& cluster_;
  const std::size_t index_;
  io::SimRandom random_;
  mutable io::SimFileSystem fs_;  // see Look
  mutable std::size_t looks_ = 0;
  const io::SimDisk blank_;
  struct Rotten {
    std::string path;
    std::uint64_t offset = 0;
    char written = 0;
  };
  std::optional<PowerCut> cut_;
  bool has_cut_begun_ = false;
  std::vector<Rotten> rotten_;
  io::SimRandom rot_random_;
  bool is_disk_bad_ = false;  // or was, while this process was up
  // When the last life ended: the segments of the log that were not sealed, with their salts; and
  // whether nothing was under way.
  std::vector<std::pair<std::string, std::uint64_t>> open_segments_;
  bool may_be_damaged_ = false;
  bool is_damaged_ = false;
  raft::Point had_;  // on its disk, before
  std::map<raft::Seq, std::uint64_t> had_chains_;
  bool is_asking_ = false;  // what has to be there for the store to be whole
  Role role_;
  base::Uuid uuid_;
  sim::NodeClock clock_;
  std::uint64_t life_ = 0;
  Time aside_until_ = 0;  // who reads and writes files for the replica is busy
  Time stalled_until_ = 0;
  bool is_starting_ = false;
  Waiting waiting_;
  std::unique_ptr<StoreImpl> store_;
  std::unique_ptr<node::HardStateFile> hard_state_;
  std::unique_ptr<node::MembersFile> members_;
  raft::Settings settings_;
  std::unique_ptr<node::Replica> replica_;
  std::unordered_map<std::uint64_t, Read> reads_;
  cluster::ReadLease lease_;
  cluster::ReadLease local_acks_;
  std::optional<cluster::LocalWindow> window_;
  bool is_paused_ = false;
  bool is_replica_late_ = false;                 // after a pause: requests go first
  std::vector<std::function<void()>> requests_;  // of clients, and the rest, while it is paused
  std::vector<std::function<void()>> inbox_;
  // Of the last life: what its log had on the disk, as chains; and the end of that.
  std::map<raft::Seq, std::uint64_t> durable_;
  raft::Point durable_end_;
  // The same of the disk before this one.
  base::Uuid former_uuid_;
  std::map<raft::Seq, std::uint64_t> former_;
  std::uint64_t next_read_ = 1;
};

}  // namespace kv::kvsim
