#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "format/membership.h"
#include "kvsim/invariants.h"
#include "kvsim/machine.h"
#include "kvsim/oracle.h"
#include "kvsim/trace.h"
#include "tests/linearizability/history.h"

namespace kv::kvsim {

// What a seed's world is like.
struct Options {
  std::uint64_t seed = 1;
  std::size_t machines = 3;
  std::size_t spares = 0;              // that wait to be added; the members change if there are any
  std::uint64_t retention = 8 * 1024;  // bytes of log that merges leave alone
  std::uint64_t catch_up_rate = 64 << 20;  // bytes a second
  std::uint64_t compare_us = 0;            // between comparisons of what the machines hold; 0: none
  std::size_t clients = 4;
  std::size_t keys = 4;
  std::size_t value_max = 300;           // bytes, about
  Time duration_us = 20 * sim::kSecond;  // with faults
  Time trouble_mean_us = sim::kSecond;   // between two of them
  Time disk_max_us = 5 * sim::kMillisecond;
  std::uint64_t clock_spread_permille = 5;
  bool has_leases = false;           // leaders trust them for reads
  bool has_sessions = false;         // every second client writes in one
  bool has_more_writes = false;      // batches, and conditions of all kinds
  bool has_disk_faults = false;      // writes and syncs fail, and disks run full
  bool has_rot = false;              // bytes that were written change, on one disk at a time
  std::uint64_t inside_percent = 0;  // of the power cuts: in the midst of what a machine does
  sim::NetworkOptions network;
  bool has_read_faults = false;    // reads fail now and then, or all for a while
  bool has_log_damage = false;     // after a power cut: see log_damage.cc
  bool has_partitions = false;     // of all kinds: see partitions.cc
  bool has_harsh_network = false;  // see harsh_network()
  bool has_stalls = false;         // disks stand still for seconds
  bool has_frozen_clocks = false;  // a pause may be a machine's, of which it knows nothing
  bool has_tight_limits =
      false;  // a segment for each record, a record in each message and the like
  bool has_dead_minority = false;  // in the end a majority has to do alone, before all are whole
  // Whether what relies on clocks is to hold.
  bool has_sound_clocks() const { return !has_frozen_clocks; }
};
Options draw_options(std::uint64_t seed);
// Slow, lossy and repeating itself, in place of what was drawn.
sim::NetworkOptions harsh_network(std::uint64_t seed);
raft::Settings tight_limits(std::uint64_t seed);
// Of what a seed drew: to see what a finding takes, and to have again what was found before there
// was more to draw. False: there is no such thing.
bool leave_out(const std::string& what, Options& options);
std::vector<std::string> parts();  // that can be left out
std::string describe(const Options& options);

struct Outcome {
  std::optional<std::string> problem;
  std::uint64_t writes = 0;  // acknowledged
  std::uint64_t reads = 0;
  std::uint64_t crashes = 0;  // between two events
  std::uint64_t roll_backs = 0;
  std::uint64_t changes = 0;  // of the members, that a leader took
  std::uint64_t wiped = 0;    // disks
  std::uint64_t leased_reads = 0;
  std::uint64_t local_writes = 0;
  std::uint64_t lost_local_writes = 0;
  std::uint64_t repeats = 0;       // of requests that were carried out before
  std::uint64_t comparisons = 0;   // of what the machines hold
  std::uint64_t replacements = 0;  // of a machine's state by another's
  std::uint64_t partitions = 0;
  std::uint64_t stalls = 0;
  std::uint64_t left_out = 0;                   // machines, while a majority does alone
  std::uint64_t damaged = 0;                    // logs
  std::uint64_t rotten = 0;                     // records whose bytes changed on a disk
  std::uint64_t put_back = 0;                   // of those
  std::map<std::string, std::uint64_t> deaths;  // in the midst of one, by what was being done
  std::vector<std::uint64_t> trace;             // see RunTrace
  std::vector<std::string> lines;               // of the event that was to be told
};

// "ver=9 ...": what a condition met, 0 for nothing.
Version version_met(const Error& conflict);

// Machines, their network, clients and misfortune, all from one seed. First the clients work while
// things go wrong; then everything is whole again, and within a minute of simulated time all
// machines must have one log and one content, and every client an answer to a last write. In some
// worlds a majority alone is whole at first, has to come so far without the others, and then with
// them.
//
// Checked: what the oracle says, after each event; what clients saw is linearizable; all that was
// acknowledged is in the log at the end.
class Cluster {
 public:
  // `told_event`: see RunTrace.
  explicit Cluster(const Options& options, std::optional<std::size_t> told_event = std::nullopt);
  ~Cluster();
  Outcome run();

  // For machines and clients.
  const Options& options() const { return options_; }
  sim::EventQueue& events() { return events_; }
  sim::Network& network() { return network_; }
  Machine& machine(std::size_t index) { return *machines_[index]; }
  const format::Membership& members() const { return members_; }
  void look_at(Machine& machine);
  void report(std::string problem);
  // The power went in the midst of what it did; it is off now.
  void on_death(const Machine& machine, const std::string& last_words);
  Outcome& outcome() { return outcome_; }
  bool is_calm() const { return is_calm_; }
  RunTrace& trace() { return trace_; }
  Oracle& oracle() { return oracle_; }
  Invariants& invariants() { return invariants_; }
  std::uint64_t lease_us() const;

 private:
  struct Client {
    std::uint64_t name = 0;
    std::size_t target = 0;  // the machine it talks to
    bool is_busy = false;
    std::uint64_t session = 0;  // 0: not open
    std::uint64_t requests = 0;
    std::uint64_t tries = 0;
    std::string answered;  // of its newest request: what was told
  };
  using Operation = linearizability::Operation;

  void plan_client(std::size_t client);
  void begin_operation(std::size_t client);
  Operation draw_operation(std::size_t client);
  void vary(Operation& operation);
  static Write write_of(const Operation& operation, Batch& batch);
  void note_seen(const Operation& operation);
  void submit(std::size_t client, std::size_t operation);
  void note_answer(std::size_t machine, const Operation& operation);
  // The client heard, or gave up.
  void begin_anew(std::size_t client);
  void finish(std::size_t client, std::size_t operation, std::uint64_t name);
  void look_elsewhere(Client& client);
  // session_clients.cc
  bool is_in_session(std::size_t client, const Operation& operation) const;
  void begin_request(std::size_t client, std::size_t operation);
  void try_request(std::size_t client, std::size_t operation);
  void open_session(std::size_t client, std::size_t operation);
  void request_answered(std::size_t client, std::size_t operation,
                        const Result<WriteResult>& result);
  void check_answers_agree(std::size_t client, std::uint64_t request,
                           const Result<WriteResult>& result);
  bool is_unanswered(std::size_t operation) const;
  void plan_rot();
  void plan_disk_faults();
  // partitions.cc
  struct Partition {
    Time duration = 0;
    bool is_one_way = false;
    bool holds = false;  // messages wait, rather than vanish
  };
  void plan_partitions();
  void make_partition();
  void separate(std::size_t one, std::size_t other, const Partition& partition);
  void cut_in_two(const Partition& partition);
  void cut_bridge(const Partition& partition);
  void cut_one_by_one(std::size_t machine, const Partition& partition);
  void plan_stalls();
  void plan_read_faults();
  void fail_reads_of_start(std::size_t machine);
  void damage(std::size_t machine);
  void plan_trouble();
  void make_trouble();
  std::size_t leader_or(std::size_t machine) const;
  // admin.cc
  void plan_administration();
  void administer();
  void replace_disk(Machine& machine);
  bool is_member(const Machine& machine) const;
  void crash_all();
  void cut_power(std::size_t machine);
  PowerCut draw_power_cut();
  void isolate(std::size_t machine);
  void pause(std::size_t machine);
  void restart_later(std::size_t machine);
  void run_until(Time end);
  // Who leads, or else any.
  Machine& reference() const;
  // calm.cc
  void calm_down();
  void make_whole();
  bool has_majority_without(const std::set<std::size_t>& out) const;
  bool leave_some_out();
  void leave_behind(std::size_t machine);
  bool is_left_out(const Machine& machine) const;
  Time settle(Time begin);
  std::optional<std::string> why_not_settled() const;
  bool has_converged() const;
  std::string states() const;
  void note_end();
  void check_end();

  const Options options_;
  RunTrace trace_;
  io::SimRandom random_;
  io::SimRandom fault_random_;
  io::SimRandom more_random_;
  io::SimRandom partition_random_;
  io::SimRandom read_random_;
  io::SimRandom damage_random_;
  io::SimRandom stall_random_;
  io::SimRandom clock_random_;
  io::SimRandom calm_random_;
  sim::EventQueue events_;
  sim::Network network_;
  format::Membership members_;
  std::vector<std::unique_ptr<Machine>> machines_;
  std::vector<Client> clients_;
  linearizability::History history_;
  Oracle oracle_;
  Invariants invariants_;
  std::map<std::string, std::vector<Version>> seen_;  // versions that clients were told
  std::uint64_t next_value_ = 1;
  std::uint64_t next_client_ = 1;
  std::uint64_t next_session_ = 1;
  bool is_calm_ = false;              // no more trouble
  bool is_quiet_ = false;             // no more requests
  std::set<std::size_t> left_out_;    // of what is made whole: they stay down or cut off for now
  std::size_t rotting_ = 0;           // whose disk is the next
  std::optional<std::size_t> wiped_;  // a member whose disk was, before it was removed
  std::uint64_t newest_change_ = 0;   // of the members, in any log
  Outcome outcome_;
};

}  // namespace kv::kvsim
