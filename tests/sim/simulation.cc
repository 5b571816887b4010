#include "sim/simulation.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "sim/replica.h"

namespace kv::sim {

namespace {

constexpr Time kSettleTime = 60 * kSecond;

std::size_t count_vouching(World& world, const raft::Point& point, const raft::Config& config) {
  const auto vouches = [&](raft::NodeId node) { return world.replica(node).vouches_for(point); };
  return static_cast<std::size_t>(std::ranges::count_if(config.voters, vouches));
}

}  // namespace

Simulation::Simulation(const Options& options, std::size_t lines_max)
    : world_{.options = options,
             .events = {},
             .network = Network(world_.events, options.network, options.voters + options.spares,
                                options.seed),
             .oracle = Oracle([this](const raft::Point& point, const raft::Config& config) {
               return count_vouching(world_, point, config);
             }),
             .trace = Trace(lines_max),
             .replicas = {},
             .on_moment = {}},
      random_(options.seed, 4),
      nemesis_(world_) {
  auto first = std::make_shared<raft::Config>();
  for (std::size_t i = 0; i < options.voters; ++i) first->voters.push_back(raft::NodeId{i + 1});
  if (!options.has_membership) world_.oracle.vote_throughout(*first);
  const auto none = std::make_shared<const raft::Config>();
  for (std::size_t i = 0; i < options.voters + options.spares; ++i) {
    const bool is_member = i < options.voters;
    world_.replicas.push_back(std::make_unique<Replica>(
        world_, i, is_member ? std::shared_ptr<const raft::Config>(first) : none));
  }
}

Simulation::~Simulation() = default;

Outcome Simulation::run() {
  for (auto& replica : world_.replicas) replica->start();
  world_.on_moment = [this](Moment moment, Replica& replica) {
    nemesis_.on_moment(moment, replica);
  };
  nemesis_.begin();
  plan_request();
  run_until(world_.options.duration);
  if (!world_.oracle.problem()) {
    nemesis_.end();
    settle();
  }
  Outcome outcome;
  outcome.problem = world_.oracle.problem();
  outcome.hash = world_.trace.hash();
  outcome.events = world_.events.done();
  outcome.terms = world_.oracle.leaders();
  for (const auto& replica : world_.replicas) {
    outcome.writes += replica->acknowledged();
    outcome.reads += replica->reads_done();
  }
  outcome.lines = world_.trace.lines();
  return outcome;
}

void Simulation::run_until(Time end) {
  while (!world_.oracle.problem() && world_.events.next_time() <= end) {
    world_.events.run_next();
    check_leases();
  }
}

void Simulation::check_leases() {
  if (!world_.options.has_sound_clocks()) return;
  std::vector<raft::NodeId> holders;
  for (const auto& replica : world_.replicas) {
    if (replica->holds_lease()) holders.push_back(replica->id());
  }
  world_.oracle.leases(holders);
}

void Simulation::plan_request() {
  world_.events.after(1 + random_.below(2 * world_.options.request_us), [this] {
    if (has_clients_) request();
    plan_request();
  });
}

// To one that leads or believes so, mostly: those who are wrong about it are who matters.
void Simulation::request() {
  std::vector<Replica*> running;
  std::vector<Replica*> leading;
  for (auto& replica : world_.replicas) {
    if (!replica->runs()) continue;
    running.push_back(replica.get());
    if (replica->core().role() == raft::Role::kLeader) leading.push_back(replica.get());
  }
  if (running.empty()) return;
  const auto& choice = leading.empty() || random_.chance(20) ? running : leading;
  Replica& replica = *choice[random_.below(choice.size())];
  if (!random_.chance(world_.options.read_percent)) {
    for (std::uint64_t count = 1 + random_.below(3); count > 0; --count) {
      replica.write(next_value_++);
    }
  } else if (random_.chance(50)) {
    replica.lease_read();
  } else {
    replica.read();
  }
}

void Simulation::settle() {
  const Time end = world_.events.now() + kSettleTime;
  // Clients go on for a while, so that something new has to be committed as well.
  run_until(world_.events.now() + 5 * kSecond);
  has_clients_ = false;
  while (!world_.oracle.problem() && world_.events.now() < end) {
    run_until(world_.events.now() + 500 * kMillisecond);
    if (has_converged()) return stay();
  }
  world_.oracle.fail("liveness: " + why_not());
}

// Nothing happens any more, so whoever leads keeps leading (rules E3, E4).
void Simulation::stay() {
  const std::size_t leaders = world_.oracle.leaders();
  run_until(world_.events.now() + 5 * kSecond);
  if (world_.oracle.leaders() != leaders) world_.oracle.fail("a leader is deposed for nothing");
}

bool Simulation::has_converged() const { return why_not().empty(); }

std::string Simulation::why_not() const {
  const Replica* leader = nullptr;
  for (const auto& replica : world_.replicas) {
    if (replica->is_up() && replica->core().serves()) leader = replica.get();
  }
  if (leader == nullptr) return "nobody leads";
  for (const auto& replica : world_.replicas) {
    if (!replica->is_up()) continue;
    if (!leader->core().config().is_member(replica->id())) continue;
    if (replica->waiting() > 0) {
      return fmt::format("{} requests wait on node {}", replica->waiting(),
                         static_cast<std::uint64_t>(replica->id()));
    }
    if (replica->core().last() != leader->core().last() ||
        replica->core().commit() != leader->core().last().seq) {
      return fmt::format("node {} is at {} with {} committed, the leader at {}",
                         static_cast<std::uint64_t>(replica->id()), replica->core().last().seq,
                         replica->core().commit(), leader->core().last().seq);
    }
  }
  return "";
}

}  // namespace kv::sim
