#include "sim/nemesis.h"

#include <algorithm>

#include "sim/replica.h"

namespace kv::sim {

void Nemesis::begin() {
  const Options& options = world_.options;
  repeat(options.crash_us, &Nemesis::crash);
  repeat(options.pause_us, &Nemesis::pause);
  repeat(options.partition_us, &Nemesis::partition);
  repeat(options.admin_us, &Nemesis::administrate);
  repeat(options.compact_us, &Nemesis::compact);
  if (options.gate_us > 0) plan_gate();
}

void Nemesis::repeat(Time mean, void (Nemesis::*trouble)()) {
  if (mean == 0) return;
  world_.events.after(about(mean), [this, mean, trouble] {
    if (is_over_) return;
    (this->*trouble)();
    repeat(mean, trouble);
  });
}

void Nemesis::end() {
  is_over_ = true;
  world_.network.heal({.delay_min_us = 100,
                       .delay_mean_us = 500,
                       .loss_percent = random_.chance(30) ? std::uint64_t{5} : 0});
  std::size_t lost = may_lose_some() ? random_.below((world_.options.voters + 1) / 2) : 0;
  const std::size_t first = random_.below(world_.replicas.size());
  for (std::size_t i = 0; i < world_.replicas.size(); ++i) {
    Replica& replica = *world_.replicas[(first + i) % world_.replicas.size()];
    replica.set_gate(true);
    replica.set_disk({.latency_min_us = 50, .latency_max_us = 1'000});
    replica.resume();
    if (lost > 0) {
      lost -= 1;
      replica.crash();
    } else if (!replica.is_up()) {
      replica.start();
    }
  }
}

// Who votes must be known, and none may need what only another has.
bool Nemesis::may_lose_some() const {
  return !world_.options.has_membership &&
         std::ranges::none_of(world_.replicas,
                              [](const auto& replica) { return replica->is_damaged(); });
}

Replica* Nemesis::some_leader() {
  std::vector<Replica*> leaders;
  for (auto& replica : world_.replicas) {
    if (replica->runs() && replica->core().role() == raft::Role::kLeader) {
      leaders.push_back(replica.get());
    }
  }
  return leaders.empty() ? nullptr : leaders[random_.below(leaders.size())];
}

void Nemesis::crash() {
  Replica* leader = some_leader();
  crash(leader != nullptr && random_.chance(40) ? *leader : any());
}

void Nemesis::crash(Replica& victim) {
  if (!victim.is_up()) return;
  victim.crash();
  // The network may come back later than the process, and not to everybody.
  Replica* leader = some_leader();
  if (leader != nullptr && world_.options.partition_us > 0 && random_.chance(30)) {
    partition_time_ = 1 + random_.below(world_.options.partition_max_us);
    separate({static_cast<std::size_t>(victim.id()) - 1},
             {static_cast<std::size_t>(leader->id()) - 1});
  }
  // One at a time: what only a damaged node had must be somewhere else.
  const bool is_whole = std::ranges::none_of(
      world_.replicas, [](const auto& replica) { return replica->is_damaged(); });
  if (is_whole && random_.chance(world_.options.damage_percent)) victim.damage();
  world_.events.after(random_.below(world_.options.restart_max_us), [this, &victim] {
    if (!is_over_ && !victim.is_up()) victim.start();
  });
}

void Nemesis::on_moment(Moment moment, Replica& replica) {
  if (is_over_ || !random_.chance(world_.options.moment_percent)) return;
  const Options& options = world_.options;
  const Time soon = random_.below(random_.chance(30) ? 2 * kMillisecond : options.moment_max_us);
  world_.events.after(soon, [this, moment, &replica, &options] {
    if (is_over_ || !replica.runs()) return;
    if (options.has_storm && moment == Moment::kElected) return change_members(replica);
    if (options.has_storm && moment == Moment::kMembersChanged) return cut_half(replica);
    const std::uint64_t choice = random_.below(3);
    if (choice == 0 && options.crash_us > 0) return crash(replica);
    if (choice == 1 && options.partition_us > 0) return cut_around(replica);
    if (options.has_membership && moment != Moment::kVoted) change_members(replica);
  });
}

void Nemesis::pause() {
  Replica* leader = some_leader();
  Replica& victim = leader != nullptr && random_.chance(60) ? *leader : any();
  if (!victim.runs()) return;
  NodeClock::Motion motion = NodeClock::Motion::kRuns;
  if (world_.options.has_suspend && random_.chance(50)) motion = NodeClock::Motion::kSuspended;
  if (world_.options.has_frozen_clocks && random_.chance(50)) motion = NodeClock::Motion::kFrozen;
  victim.pause(motion);
  // What comes in before the others go is still to be read when it goes on, and stale by then.
  if (world_.options.partition_us > 0 && random_.chance(40)) {
    world_.events.after(random_.below(50 * kMillisecond), [this, &victim] {
      if (!is_over_) cut_around(victim);
    });
  }
  world_.events.after(random_.below(world_.options.pause_max_us), [&victim] { victim.resume(); });
}

void Nemesis::partition() {
  partition_time_ = 1 + random_.below(world_.options.partition_max_us);
  Replica* leader = some_leader();
  const std::size_t count = world_.replicas.size();
  switch (random_.below(8)) {
    case 7:
      if (leader != nullptr) cut_one_by_one(*leader);
      return;
    case 6:
      cut_links();
      break;
    case 0:
      cut_ring();
      break;
    case 1:
      cut_bridge();
      break;
    case 2:
    case 3:
      cut_in_two(leader != nullptr ? static_cast<std::size_t>(leader->id()) - 1
                                   : random_.below(count));
      break;
    case 4:
      cut_in_two(random_.below(count));
      break;
    default:
      cut_in_two(count);
      break;
  }
}

// A leader alone, or with some others up to half of all, is cut off from the rest.
void Nemesis::cut_half(const Replica& replica) {
  if (replica.core().role() != raft::Role::kLeader) return;
  partition_time_ = 1 + random_.below(world_.options.partition_max_us);
  const std::size_t count = world_.replicas.size();
  std::vector<std::size_t> ours = {static_cast<std::size_t>(replica.id()) - 1};
  std::vector<std::size_t> theirs;
  for (std::size_t i = 0; i < count; ++i) {
    if (i != ours.front()) theirs.push_back(i);
  }
  const std::size_t half = random_.chance(50) ? 1 : count / 2;
  while (ours.size() < half) {
    const auto next = theirs.begin() + static_cast<std::ptrdiff_t>(random_.below(theirs.size()));
    ours.push_back(*next);
    theirs.erase(next);
  }
  separate(ours, theirs);
}

// It keeps some of the others, or none.
void Nemesis::cut_around(Replica& replica) {
  partition_time_ = 1 + random_.below(world_.options.partition_max_us);
  cut_in_two(static_cast<std::size_t>(replica.id()) - 1);
}

void Nemesis::separate(const std::vector<std::size_t>& ours,
                       const std::vector<std::size_t>& theirs) {
  const bool is_one_way = world_.options.has_one_way && random_.chance(50);
  const auto separate_link = [&](std::size_t from, std::size_t to) {
    if (world_.options.partition_holds) {
      world_.network.clog(from, to, partition_time_);
    } else {
      world_.network.cut(from, to, partition_time_);
    }
  };
  for (const std::size_t from : ours) {
    for (const std::size_t to : theirs) {
      separate_link(from, to);
      if (!is_one_way) separate_link(to, from);
    }
  }
}

// Machine `lone` and perhaps a few others here, the rest there; any two parts if there is no such.
void Nemesis::cut_in_two(std::size_t lone) {
  const bool is_alone = random_.chance(50);
  std::vector<std::size_t> ours;
  std::vector<std::size_t> theirs;
  for (std::size_t i = 0; i < world_.replicas.size(); ++i) {
    const bool is_ours =
        i == lone ||
        (lone == world_.replicas.size() ? random_.chance(50) : !is_alone && random_.chance(30));
    (is_ours ? ours : theirs).push_back(i);
  }
  separate(ours, theirs);
}

// Everybody reaches only the two beside it.
void Nemesis::cut_ring() {
  const std::size_t count = world_.replicas.size();
  for (std::size_t i = 0; i < count; ++i) {
    for (std::size_t j = i + 2; j < count; ++j) {
      if (i + count != j + 1) separate({i}, {j});
    }
  }
}

// The links of one machine go one after the other and come back as they like ("swizzle-clogging",
// FoundationDB). Whoever was last to hear it may restart at that moment.
void Nemesis::cut_one_by_one(Replica& replica) {
  const std::size_t lone = static_cast<std::size_t>(replica.id()) - 1;
  std::vector<std::size_t> others;
  for (std::size_t i = 0; i < world_.replicas.size(); ++i) {
    if (i != lone)
      others.insert(others.begin() + static_cast<std::ptrdiff_t>(random_.below(others.size() + 1)),
                    i);
  }
  Time begin = 0;
  for (const std::size_t other : others) {
    const bool is_last = other == others.back();
    world_.events.after(begin, [this, lone, other, is_last] {
      if (is_over_) return;
      partition_time_ = kSecond + random_.below(world_.options.partition_max_us);
      separate({lone}, {other});
      if (is_last && world_.options.crash_us > 0 && random_.chance(50)) {
        crash(*world_.replicas[other]);
      }
    });
    begin += random_.below(3 * kSecond / others.size());
  }
}

// Some links, each for a while of its own.
void Nemesis::cut_links() {
  const std::size_t count = world_.replicas.size();
  for (std::size_t i = 0; i < count; ++i) {
    for (std::size_t j = i + 1; j < count; ++j) {
      if (!random_.chance(40)) continue;
      partition_time_ = 1 + random_.below(world_.options.partition_max_us);
      separate({i}, {j});
    }
  }
}

// Two halves that reach each other through one machine alone.
void Nemesis::cut_bridge() {
  const std::size_t count = world_.replicas.size();
  const std::size_t bridge = random_.below(count);
  std::vector<std::size_t> ours;
  std::vector<std::size_t> theirs;
  for (std::size_t i = 0; i < count; ++i) {
    if (i != bridge) (ours.size() < count / 2 ? ours : theirs).push_back(i);
  }
  separate(ours, theirs);
}

void Nemesis::administrate() {
  Replica* leader = some_leader();
  if (leader == nullptr) return;
  if (world_.options.has_membership && random_.chance(75)) {
    change_members(*leader);
    // Two at once must be refused.
    if (random_.chance(30)) change_members(*leader);
  } else {
    leader->transfer(any().id());
  }
}

void Nemesis::change_members(Replica& leader) {
  if (leader.core().role() != raft::Role::kLeader) return;
  const raft::Config& config = leader.core().config();
  raft::ConfigChange change;
  change.node = any().id();
  change.is_forced = random_.chance(20);
  change.kind = raft::ConfigChange::Kind::kRemove;
  if (config.is_learner(change.node)) change.kind = raft::ConfigChange::Kind::kPromote;
  if (!config.is_member(change.node)) change.kind = raft::ConfigChange::Kind::kAddLearner;
  leader.change_config(change);
}

// Mostly nobody may campaign, or one alone, as with a coordinator; or it is drawn for each.
void Nemesis::plan_gate() {
  world_.events.after(1 + gates_.below(2 * world_.options.gate_us), [this] {
    if (is_over_) return;
    const std::uint64_t way = gates_.below(3);
    const std::uint64_t chosen = gates_.below(world_.replicas.size());
    for (std::size_t i = 0; i < world_.replicas.size(); ++i) {
      world_.replicas[i]->set_gate(way == 0 ? gates_.chance(50) : way == 1 && i == chosen);
    }
    plan_gate();
  });
}

void Nemesis::compact() {
  Replica& replica = any();
  if (replica.runs()) replica.compact();
}

}  // namespace kv::sim
