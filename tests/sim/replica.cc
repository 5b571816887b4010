#include "sim/replica.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/check.h"

namespace kv::sim {

using raft::Seq;

namespace {

constexpr Time kSnapshotTime = 300 * kMillisecond;
constexpr Time kSnapshotPatience = 2 * kSecond;

std::uint64_t number(raft::NodeId node) { return static_cast<std::uint64_t>(node); }

}  // namespace

Replica::Replica(World& world, std::size_t index, std::shared_ptr<const raft::Config> config)
    : world_(world),
      id_(raft::NodeId{index + 1}),
      random_(world.options.seed, 100 + index),
      log_(std::move(config)),
      log_disk_(world.events, world.options.disk, world.options.seed, 200 + index),
      state_disk_(world.events, world.options.disk, world.options.seed, 300 + index) {
  const std::uint64_t spread = world.options.clock_spread_permille;
  clock_.set_rate(0, 1000 - spread + random_.below(2 * spread + 1));
}

void Replica::start() {
  KV_CHECK(!is_up());
  life_ += 1;
  raft::Boot boot;
  boot.id = id_;
  boot.hard_state = stable_;
  boot.configs = log_.written().configs();
  // Some drivers know what they had applied, others begin anew.
  const Seq floor = log_.floor().seq;
  const Seq known = std::clamp(stable_.commit_hint, floor, log_.last().seq);
  boot.applied = applied_ = random_.chance(50) ? floor + random_.below(known - floor + 1) : floor;
  boot.seed = random_.below(UINT64_MAX);
  core_.emplace(boot, log_, world_.options.raft, clock_.read(world_.events.now()));
  core_->set_may_campaign(is_gate_open_);
  seen_term_ = core_->term();
  seen_commit_ = core_->commit();
  world_.trace.say(world_.events.now(), [&] {
    return fmt::format("node {} starts, term {}, log {}..{}", number(id_), core_->term(),
                       log_.floor().seq, log_.last().seq);
  });
  plan_tick();
  process();
}

void Replica::crash() {
  if (!is_up()) return;
  life_ += 1;
  core_.reset();
  is_paused_ = false;
  inbox_.clear();
  writes_.clear();
  reads_.clear();
  next_read_ = 1;
  clock_.set_motion(world_.events.now(), NodeClock::Motion::kRuns);
  log_.crash(random_);
  for (std::uint64_t kept = random_.below(unsynced_states_.size() + 1); kept > 0; --kept) {
    stable_ = unsynced_states_.front();
    unsynced_states_.pop_front();
  }
  unsynced_states_.clear();
  log_disk_.forget();
  state_disk_.forget();
  world_.oracle.crashed();
  world_.trace.say(world_.events.now(), [&] {
    return fmt::format("node {} crashes, keeps term {} vote {} log {}..{}", number(id_),
                       stable_.term, number(stable_.voted_for), log_.floor().seq, log_.last().seq);
  });
}

void Replica::damage() {
  KV_CHECK(!is_up());
  const Seq floor = log_.floor().seq;
  const raft::Point last = log_.last();
  if (last.seq == floor) return;
  log_.damage_from(floor + 1 + random_.below(last.seq - floor));
  stable_.claimed_last = std::max(stable_.claimed_last, last.position());
  world_.trace.say(world_.events.now(), [&] {
    return fmt::format("node {} lost records, has {}..{}", number(id_), floor, log_.last().seq);
  });
}

void Replica::set_gate(bool may_campaign) {
  if (is_gate_open_ == may_campaign) return;
  is_gate_open_ = may_campaign;
  world_.trace.say(world_.events.now(), [&] {
    return fmt::format("node {} {}", number(id_),
                       may_campaign ? "may campaign" : "may not campaign");
  });
}

void Replica::pause(NodeClock::Motion motion) {
  if (!runs()) return;
  is_paused_ = true;
  clock_.set_motion(world_.events.now(), motion);
  world_.trace.say(world_.events.now(), [&] { return fmt::format("node {} pauses", number(id_)); });
}

void Replica::resume() {
  if (!is_paused_) return;
  is_paused_ = false;
  clock_.set_motion(world_.events.now(), NodeClock::Motion::kRuns);
  world_.trace.say(world_.events.now(),
                   [&] { return fmt::format("node {} goes on", number(id_)); });
  for (const auto& action : std::exchange(inbox_, {})) run(action);
}

void Replica::run(const std::function<void()>& action) {
  if (is_paused_) {
    inbox_.push_back(action);
    return;
  }
  core_->set_may_campaign(is_gate_open_);
  core_->tick(clock_.read(world_.events.now()));
  action();
  process();
}

std::function<void()> Replica::in_this_life(std::function<void()> action) {
  return [this, life = life_, action = std::move(action)] {
    if (life == life_) run(action);
  };
}

void Replica::plan(Time delay, std::function<void()> action) {
  world_.events.after(delay, in_this_life(std::move(action)));
}

void Replica::plan_tick() {
  world_.events.after(world_.options.tick_us, [this, life = life_] {
    if (life != life_) return;
    if (!is_paused_) run([] {});
    plan_tick();
  });
}

void Replica::receive(const raft::Message& message) {
  if (!is_up()) return;
  run([this, message] {
    world_.trace.digest().add(world_.events.now()).add(message);
    world_.trace.say(world_.events.now(), [&] { return describe(message); });
    core_->step(message);
  });
}

void Replica::process() {
  const raft::Ready ready = core_->take_ready();
  persist(ready);
  observe(ready);
  for (const raft::Message& message : ready.messages) send(message);
  apply(ready);
  take_results(ready.reads);
}

void Replica::persist(const raft::Ready& ready) {
  if (ready.hard_state) {
    unsynced_states_.push_back(*ready.hard_state);
    state_disk_.write(in_this_life([this, version = ready.hard_state->version] {
      stable_ = unsynced_states_.front();
      unsynced_states_.pop_front();
      KV_CHECK(stable_.version == version);
      core_->hard_state_done(version);
    }));
  }
  if (ready.install || !ready.append.empty()) log_.write(ready);
  if (ready.rolled_back_from) roll_back(*ready.rolled_back_from);
  if (!ready.install && ready.append.empty()) return;
  // The disk goes on while the process is stopped; only the news has to wait.
  log_disk_.write([this, life = life_] {
    if (life != life_) return;
    const auto done = log_.sync_oldest();
    run([this, done] {
      for (const raft::LogWrite& write : done) core_->disk_done(write);
    });
  });
}

// Another leader's records stand there, or will. Nobody may be left waiting for one that is gone.
void Replica::roll_back(Seq from) {
  std::erase_if(writes_, [&](const auto& write) {
    return write.first >= from && !log_.written().has(write.second);
  });
}

void Replica::send(raft::Message message) {
  Time delay = 0;
  if (auto* append = std::get_if<raft::Append>(&message.body)) {
    for (Seq seq = append->prev.seq + 1; seq <= append->last; ++seq) {
      append->entries.push_back(log_.written().entry_at(seq));
    }
  } else if (auto* snapshot = std::get_if<raft::Snapshot>(&message.body)) {
    snapshot->config = log_.written().floor_config;
    delay = random_.below(kSnapshotTime);
    // Before it arrived, or long after.
    plan(random_.below(kSnapshotPatience),
         [this, to = message.to, round = snapshot->round] { core_->snapshot_ended(to, round); });
    // The stream breaks off.
    if (random_.chance(20)) return;
  }
  const std::size_t from = static_cast<std::size_t>(id_) - 1;
  const std::size_t to = static_cast<std::size_t>(message.to) - 1;
  auto deliver = [this, message = std::move(message)] {
    world_.replica(message.to).receive(message);
  };
  if (delay == 0) return world_.network.send(from, to, std::move(deliver));
  world_.events.after(delay, [this, from, to, deliver = std::move(deliver)] {
    world_.network.send(from, to, deliver);
  });
}

void Replica::apply(const raft::Ready& ready) {
  if (ready.install) {
    world_.oracle.installed(id_, ready.install->point);
    applied(ready.install->point.seq);
  }
  if (ready.apply_first > ready.commit) return;
  plan(random_.below(world_.options.apply_delay_us + 1),
       [this, seq = ready.commit] { applied(seq); });
}

void Replica::applied(Seq seq) {
  if (seq <= applied_) return;
  applied_ = seq;
  core_->applied(seq);
  finish_writes();
  finish_reads();
}

void Replica::finish_writes() {
  while (!writes_.empty() && writes_.begin()->first <= applied_) {
    const raft::Point point = writes_.begin()->second;
    writes_.erase(writes_.begin());
    // Overridden by another leader's record: never acknowledged.
    if (!log_.written().has(point)) continue;
    world_.oracle.acknowledged(point);
    acknowledged_ += 1;
  }
}

void Replica::finish_reads() {
  for (auto read = reads_.begin(); read != reads_.end();) {
    if (!read->second.seq || *read->second.seq > applied_) {
      ++read;
      continue;
    }
    // Rule L3: the lease counts again once the value is read.
    const bool counts = !read->second.has_lease || holds_lease();
    // What is read is what is applied, which may be more than was asked for.
    if (counts && (!read->second.has_lease || world_.options.has_sound_clocks())) {
      world_.oracle.read(id_, read->second.at_least, applied_);
      reads_done_ += 1;
    }
    read = reads_.erase(read);
  }
}

void Replica::take_results(const std::vector<raft::ReadResult>& results) {
  for (const raft::ReadResult& result : results) {
    const auto found = reads_.find(result.id);
    if (found == reads_.end()) continue;
    if (result.seq) {
      found->second.seq = result.seq;
    } else {
      reads_.erase(found);
    }
  }
  finish_reads();
}

}  // namespace kv::sim
