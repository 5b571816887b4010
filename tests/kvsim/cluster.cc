#include "kvsim/cluster.h"

#include <algorithm>

#include <fmt/format.h>

#include "tests/linearizability/checker.h"

namespace kv::kvsim {

namespace {

constexpr std::uint64_t kElectionUs = 300'000;

}  // namespace

Cluster::Cluster(const Options& options, std::optional<std::size_t> told_event)
    : options_(options),
      trace_(told_event),
      random_(options.seed, 3),
      fault_random_(options.seed, 4),
      more_random_(options.seed, 5),
      partition_random_(options.seed, 31),
      read_random_(options.seed, 37),
      damage_random_(options.seed, 36),
      stall_random_(options.seed, 32),
      clock_random_(options.seed, 33),
      calm_random_(options.seed, 38),
      network_(events_, options.has_harsh_network ? harsh_network(options.seed) : options.network,
               options.machines + options.spares, options.seed),
      oracle_(*this, options.machines + options.spares),
      invariants_(*this, options.machines + options.spares) {
  network_.on_drop = [this](std::size_t from, std::size_t to) { trace_.note("drop", from, to); };
  members_.election_us = kElectionUs;
  for (std::size_t i = 0; i < options.machines + options.spares; ++i) {
    const bool is_founder = i < options.machines;
    machines_.push_back(std::make_unique<Machine>(
        *this, i, is_founder ? Machine::Role::kFounder : Machine::Role::kSpare, options.seed));
    if (!is_founder) continue;
    format::Member member;
    member.node_id = i + 1;
    member.node_uuid = {1, i + 1};
    member.peer_address = fmt::format("machine-{}:7401", i + 1);
    members_.members.push_back(std::move(member));
  }
  clients_.resize(options.clients);
}

// What is under way may have files of a machine open.
Cluster::~Cluster() { events_.forget(); }

Outcome Cluster::run() {
  for (auto& machine : machines_) machine->start();
  for (std::size_t i = 0; i < clients_.size(); ++i) {
    clients_[i].name = next_client_++;
    plan_client(i);
  }
  plan_trouble();
  plan_rot();
  plan_disk_faults();
  plan_partitions();
  plan_stalls();
  plan_read_faults();
  plan_administration();
  run_until(options_.duration_us);
  calm_down();
  if (!outcome_.problem) check_end();
  trace_.pass();
  note_end();
  trace_.pass();
  outcome_.trace = trace_.hashes();
  outcome_.lines.assign(trace_.lines().begin(), trace_.lines().end());
  return std::move(outcome_);
}

void Cluster::run_until(Time end) {
  while (!outcome_.problem && events_.next_time() <= end) {
    trace_.begin(events_);
    events_.run_next();
  }
}

void Cluster::report(std::string problem) {
  if (!outcome_.problem) {
    outcome_.problem = fmt::format("at {} us: {}", events_.now(), std::move(problem));
  }
}

void Cluster::look_at(Machine& machine) {
  if (machine.has_failed()) return report(machine.describe());
  trace_.note("machine", machine.index(), machine.term(), machine.last_sequence(),
              machine.core().commit(), machine.applied());
  const Machine::Look undisturbed(machine);
  newest_change_ = std::max(newest_change_, machine.memberships().latest().sequence);
  oracle_.look(machine);
  invariants_.look(machine);
}

std::uint64_t Cluster::lease_us() const { return kElectionUs / 10 * 9; }

std::string Cluster::states() const {
  std::string states;
  for (const auto& machine : machines_) states += "\n  " + machine->describe();
  return states;
}

// The log as its chain, what it made, all that is on the disks, and what the clients were told.
void Cluster::note_end() {
  for (const auto& machine : machines_) {
    const raft::Point point = machine->is_up() ? machine->committed() : raft::Point{};
    trace_.note("log", machine->index(), point.term, point.seq, point.chain);
    machine->note_files();
  }
  for (const auto& [key, value] : oracle_.content_at(oracle_.committed())) {
    trace_.note("content", key, value);
  }
  for (const Operation& one : history_.operations) {
    trace_.note("answer", static_cast<int>(one.outcome), one.version.value_or(0), one.return_ns);
  }
}

void Cluster::check_end() {
  const auto content = oracle_.content_at(reference().applied());
  for (const auto& machine : machines_) {
    if (is_member(*machine) && machine->content() != content) {
      return report(
          fmt::format("machine {} has another content than the log", machine->index() + 1));
    }
  }
  invariants_.check_end();
  outcome_.lost_local_writes = invariants_.lost_local_answers();
  // What is there at the end is one more thing that a client sees.
  for (std::size_t key = 0; key < options_.keys; ++key) {
    Operation last;
    last.client = next_client_++;
    last.key = fmt::format("k{}", key);
    last.call_ns = (events_.now() + 1) * 1000;
    last.return_ns = last.call_ns + 1;
    const auto found = content.find(last.key);
    last.outcome = found == content.end() ? Operation::Outcome::kNotFound : Operation::Outcome::kOk;
    if (found != content.end()) last.value = found->second;
    history_.operations.push_back(std::move(last));
  }
  const auto verdict = linearizability::check(history_);
  if (verdict.verdict != linearizability::Verdict::kLinearizable) {
    report(linearizability::describe(verdict));
  }
}

}  // namespace kv::kvsim
