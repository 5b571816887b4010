// What goes wrong in the simulated cluster.

#include <algorithm>

#include "kvsim/cluster.h"

namespace kv::kvsim {

using sim::kSecond;

namespace {

constexpr io::CrashMode kModes[] = {io::CrashMode::kKeepCache, io::CrashMode::kLoseUnsynced,
                                    io::CrashMode::kRandom};

}  // namespace

void Cluster::plan_trouble() {
  events_.after(1 + random_.below(2 * options_.trouble_mean_us), [this] {
    if (is_calm_) return;
    make_trouble();
    plan_trouble();
  });
}

void Cluster::make_trouble() {
  const std::size_t one = random_.below(machines_.size());
  switch (random_.below(7)) {
    case 0:
      if (random_.chance(30)) crash_all();
      return;
    case 1:
    case 2:
      return cut_power(random_.chance(70) ? leader_or(one) : one);
    case 3:
      return isolate(random_.chance(60) ? leader_or(one) : one);
    case 4:
      return network_.clog(one, random_.below(machines_.size()), random_.below(3 * kSecond));
    case 5:
      return pause(random_.chance(70) ? leader_or(one) : one);
    default:
      if (machines_[one]->leads()) {
        machines_[one]->transfer(raft::NodeId{1 + random_.below(machines_.size())});
      }
  }
}

std::size_t Cluster::leader_or(std::size_t machine) const {
  const auto leader = std::ranges::find_if(machines_, [](const auto& one) { return one->leads(); });
  if (leader == machines_.end()) return machine;
  return static_cast<std::size_t>(leader - machines_.begin());
}

void Cluster::crash_all() {
  for (std::size_t i = 0; i < machines_.size(); ++i) {
    if (!machines_[i]->is_up()) continue;
    machines_[i]->crash(kModes[random_.below(std::size(kModes))]);
    restart_later(i);
  }
  outcome_.crashes += 1;
}

void Cluster::cut_power(std::size_t machine) {
  if (random_.chance(options_.inside_percent)) return machines_[machine]->plan(draw_power_cut());
  if (!machines_[machine]->is_up()) return;
  machines_[machine]->crash(kModes[random_.below(std::size(kModes))]);
  outcome_.crashes += 1;
  restart_later(machine);
}

// Near what seldom happens as often as near what happens all the time.
PowerCut Cluster::draw_power_cut() {
  constexpr const char* kPlaces[] = {"",          "",           ".seg",    "MANIFEST",
                                     "HARDSTATE", "lost+found", "incoming"};
  constexpr std::uint64_t kChangesMax[] = {1, 4, 16, 64};
  PowerCut cut;
  cut.path_part = kPlaces[random_.below(std::size(kPlaces))];
  cut.changes = random_.below(kChangesMax[random_.below(std::size(kChangesMax))]);
  return cut;
}

// Where no log is read any more, and nowhere else as long as somebody's record is lost: so that the
// others have it. What nobody put back by then is nobody's newest record: a leader would not send
// its state as long as it is there.
void Cluster::plan_rot() {
  if (!options_.has_rot) return;
  events_.after(200 * sim::kMillisecond, [this] {
    const bool is_any_lost =
        std::ranges::any_of(machines_, [](const auto& one) { return one->has_losses(); });
    if (!is_any_lost) {
      for (auto& machine : machines_) machine->undo_rot();
      if (!is_calm_) machines_[rotting_++ % machines_.size()]->rot();
    }
    plan_rot();
  });
}

// One way or both. Whoever led finds its last records taken back later, and may die of it.
void Cluster::isolate(std::size_t machine) {
  const Time duration = random_.below(4 * kSecond);
  const std::uint64_t ways = 1 + random_.below(3);
  if (random_.chance(options_.inside_percent / 2)) {
    machines_[machine]->plan({"lost+found", random_.below(12)});
  }
  for (std::size_t other = 0; other < machines_.size(); ++other) {
    if (other == machine) continue;
    if ((ways & 1) != 0) network_.cut(machine, other, duration);
    if ((ways & 2) != 0) network_.cut(other, machine, duration);
  }
}

// A process that was stopped, or with its machine suspended.
void Cluster::pause(std::size_t machine) {
  using Motion = sim::NodeClock::Motion;
  const Time duration = random_.below(8 * kSecond);
  Motion motion = random_.chance(30) ? Motion::kSuspended : Motion::kRuns;
  if (options_.has_frozen_clocks && clock_random_.chance(50)) motion = Motion::kFrozen;
  machines_[machine]->pause(duration, motion);
  if (!options_.has_more_writes) return;
  // Shortly before it goes on somebody turns to it who has not heard that another one leads.
  events_.after(duration - more_random_.below(std::min(duration, kSecond) + 1), [this, machine] {
    for (Client& client : clients_) {
      if (!is_calm_ && more_random_.chance(30)) client.target = machine;
    }
  });
}

// Some are away for so long that the others do not keep the log for them.
void Cluster::restart_later(std::size_t machine) {
  const bool is_long = random_.chance(30);
  events_.after(random_.below(is_long ? 12 * kSecond : 3 * kSecond), [this, machine, is_long] {
    if (machines_[machine]->is_up() || left_out_.contains(machine)) return;
    if (is_long && !is_calm_ && random_.chance(options_.inside_percent)) {
      machines_[machine]->start();
      return machines_[machine]->plan({"incoming", random_.below(40)});
    }
    damage(machine);
    fail_reads_of_start(machine);
    // The start may be cut off, too.
    if (!is_calm_ && random_.chance(options_.inside_percent / 2)) {
      machines_[machine]->plan(draw_power_cut());
    }
    machines_[machine]->start();
  });
}

void Cluster::on_death(const Machine& machine, const std::string& last_words) {
  outcome_.deaths[last_words] += 1;
  restart_later(machine.index());
}

}  // namespace kv::kvsim
