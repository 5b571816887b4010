// What has to come once nothing goes wrong any more: first with a majority alone, in some worlds,
// and then with all.

#include <algorithm>

#include <fmt/format.h>

#include "kvsim/cluster.h"

namespace kv::kvsim {

using sim::kMillisecond;
using sim::kSecond;

namespace {

constexpr Time kSettleTime = 60 * kSecond;
constexpr Time kPauseMax = 200 * kMillisecond;  // more than clients take between two requests

}  // namespace

void Cluster::calm_down() {
  is_calm_ = true;
  make_whole();
  Time now = options_.duration_us;
  if (options_.has_dead_minority && leave_some_out()) {
    now = settle(now);
    now += kPauseMax;
    run_until(now);
    if (outcome_.problem) return;
    left_out_.clear();
    make_whole();
    is_quiet_ = false;
    for (std::size_t i = 0; i < clients_.size(); ++i) plan_client(i);
  }
  settle(now);
}

void Cluster::make_whole() {
  sim::NetworkOptions whole;
  whole.delay_mean_us = kMillisecond;
  // As connections do. Of many small files that overtake each other few are taken in a second, and
  // a new member would not be level in time (seed 2291841373).
  whole.keeps_order = true;
  network_.heal(whole);
  for (auto& machine : machines_) {
    machine->keep_power();
    machine->mend_disk();
    machine->resume();
    if (!machine->is_up()) machine->start();
  }
}

bool Cluster::is_left_out(const Machine& machine) const {
  return left_out_.contains(machine.index());
}

// Of each configuration that anybody knows, whichever comes to be in force.
bool Cluster::has_majority_without(const std::set<std::size_t>& out) const {
  const auto has_majority = [&](const format::Membership& membership) {
    std::size_t voters = 0;
    std::size_t whole = 0;
    for (const format::Member& member : membership.members) {
      if (member.role != format::MemberRole::kVoter) continue;
      const std::size_t index = member.node_id - 1;
      voters += 1;
      if (machines_[index]->uuid() == member.node_uuid && !out.contains(index)) whole += 1;
    }
    return whole > voters / 2;
  };
  return std::ranges::all_of(machines_, [&](const auto& machine) {
    return machine->is_up() && std::ranges::all_of(machine->memberships().all(), [&](auto& known) {
             return has_majority(known.membership);
           });
  });
}

// Any machines, as long as the others are a majority; who lacks something that it had, and needs
// the others for it, first. False: that leaves no majority, or there is nobody to be left out.
bool Cluster::leave_some_out() {
  std::set<std::size_t> out;
  std::vector<std::size_t> others;
  for (const auto& machine : machines_) {
    const bool is_lacking = machine->is_damaged() || machine->has_losses();
    if (is_lacking) out.insert(machine->index());
    if (!is_lacking) others.push_back(machine->index());
  }
  if (outcome_.problem || !has_majority_without(out)) return false;
  for (std::size_t i = others.size(); i > 1; --i) {
    std::swap(others[i - 1], others[calm_random_.below(i)]);
  }
  for (const std::size_t one : others) {
    out.insert(one);
    if (!has_majority_without(out)) out.erase(one);
  }
  if (out.empty()) return false;
  left_out_ = out;
  outcome_.left_out += out.size();
  for (const std::size_t one : out) leave_behind(one);
  return true;
}

// Down, or cut off from the others, perhaps one way alone.
void Cluster::leave_behind(std::size_t machine) {
  constexpr io::CrashMode kModes[] = {io::CrashMode::kKeepCache, io::CrashMode::kLoseUnsynced,
                                      io::CrashMode::kRandom};
  if (calm_random_.chance(50)) {
    return machines_[machine]->crash(kModes[calm_random_.below(std::size(kModes))]);
  }
  const std::uint64_t ways = 1 + calm_random_.below(3);
  for (std::size_t other = 0; other < machines_.size(); ++other) {
    if (left_out_.contains(other)) continue;
    if ((ways & 1) != 0) network_.cut(machine, other, 2 * kSettleTime);
    if ((ways & 2) != 0) network_.cut(other, machine, 2 * kSettleTime);
  }
}

// Writes come through again; once no more of them come, all that are whole have one log, and nobody
// waits for an answer. Returns when that was.
Time Cluster::settle(Time begin) {
  const Time end = begin + kSettleTime;
  const std::uint64_t writes_before = outcome_.writes;
  Time until = begin + 5 * kSecond;
  run_until(until);
  const auto run_unless = [&](const auto& is_so) {
    while (!outcome_.problem && !is_so() && until < end) {
      until += 100 * kMillisecond;
      run_until(until);
    }
  };
  run_unless([&] { return outcome_.writes > writes_before; });
  if (!outcome_.problem && outcome_.writes == writes_before) {
    report(fmt::format("nobody serves any more, {} left out{}", left_out_.size(), states()));
  }
  is_quiet_ = true;
  run_unless([&] { return !why_not_settled(); });
  if (outcome_.problem) return until;
  if (const auto why = why_not_settled()) {
    report(fmt::format("{}, {} left out{}", *why, left_out_.size(), states()));
  }
  return until;
}

std::optional<std::string> Cluster::why_not_settled() const {
  if (!has_converged()) return "the machines did not come to one log";
  for (std::size_t i = 0; i < clients_.size(); ++i) {
    if (clients_[i].is_busy) return fmt::format("client {} waits for an answer", i);
  }
  for (const auto& machine : machines_) {
    if (is_left_out(*machine) || machine->waiting_writes() + machine->waiting_reads() == 0)
      continue;
    return fmt::format("{} writes and {} reads wait on machine {}", machine->waiting_writes(),
                       machine->waiting_reads(), machine->index() + 1);
  }
  return std::nullopt;
}

bool Cluster::has_converged() const {
  const Machine& leader = reference();
  if (!leader.leads() || is_left_out(leader)) return false;
  const raft::Point point = leader.committed();
  return std::ranges::all_of(machines_, [&](const auto& machine) {
    if (is_left_out(*machine) || !is_member(*machine)) return true;
    return machine->is_up() && machine->committed() == point &&
           machine->last_sequence() == point.seq && machine->applied() == point.seq &&
           !machine->has_losses();
  });
}

}  // namespace kv::kvsim
