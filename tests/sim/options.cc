#include "sim/options.h"

#include <utility>

#include <fmt/format.h>

#include "io/sim_random.h"

namespace kv::sim {

namespace {

void draw_network(io::SimRandom& random, NetworkOptions& network) {
  static constexpr Time kMeans[] = {100, 500, 2'000, 10'000, 50'000, 100'000};
  network.delay_min_us = random.chance(30) ? random.below(30 * kMillisecond) : 50;
  network.delay_mean_us = kMeans[random.below(6)];
  if (random.chance(40)) network.loss_percent = random.below(31);
  if (random.chance(40)) {
    network.duplicate_percent = random.below(51);
    network.duplicate_delay_us = random.chance(50) ? 3 * kSecond : 50 * kMillisecond;
  }
  network.keeps_order = random.chance(30);
  if (random.chance(20)) network.slow_link_max_us = random.below(800) * kMillisecond;
}

void draw_disk(io::SimRandom& random, DiskOptions& disk) {
  static constexpr Time kLatencies[] = {200, 1'000, 5'000, 50'000, 200'000};
  disk.latency_min_us = 50;
  disk.latency_max_us = kLatencies[random.below(5)];
  if (random.chance(30)) {
    disk.stall_permille = 1 + random.below(random.chance(50) ? 10 : 100);
    disk.stall_max_us = (1 + random.below(5)) * kSecond;
  }
}

void draw_raft(io::SimRandom& random, raft::Settings& raft) {
  raft.has_lease_reads = random.chance(60);
  if (random.chance(30)) raft.append_records_max = 1 + random.below(4);
  if (random.chance(30)) raft.inflight_messages_max = 1 + random.below(4);
  if (random.chance(20)) raft.uncommitted_bytes_max = 2'000;
}

void draw_troubles(io::SimRandom& random, Options& options) {
  static constexpr Time kMeans[] = {500 * kMillisecond, 1 * kSecond, 2 * kSecond, 4 * kSecond};
  const auto mean = [&] { return kMeans[random.below(4)]; };
  if (random.chance(60)) {
    options.crash_us = mean();
    static constexpr Time kDownMax[] = {10 * kMillisecond, 200 * kMillisecond, 4 * kSecond};
    options.restart_max_us = kDownMax[random.below(3)];
    // Of two voters one that lost records can neither vote nor be outvoted.
    if (options.voters >= 3 && random.chance(20)) options.damage_percent = 20;
  }
  if (random.chance(40)) {
    options.pause_us = mean();
    static constexpr Time kPauseMax[] = {900 * kMillisecond, 3 * kSecond, 10 * kSecond};
    options.pause_max_us = kPauseMax[random.below(3)];
    options.has_suspend = random.chance(30);
    options.has_frozen_clocks = random.chance(30);
  }
  if (random.chance(70)) {
    options.partition_us = mean();
    static constexpr Time kPartitionMax[] = {1 * kSecond, 3 * kSecond, 6 * kSecond};
    options.partition_max_us = kPartitionMax[random.below(3)];
    options.partition_holds = random.chance(40);
    options.has_one_way = random.chance(40);
  }
  if (random.chance(60)) {
    options.admin_us = mean() / 2;
    options.has_membership =
        options.damage_percent == 0 && (options.spares > 0 || random.chance(30));
  }
  if (random.chance(40)) options.compact_us = mean() / 2;
  if (random.chance(60)) options.moment_percent = 5 + random.below(40);
  if (random.chance(50)) options.clock_spread_permille = random.below(51);
  if (options.has_frozen_clocks && random.chance(30)) options.clock_spread_permille = 300;
}

// Rivals that change the members each in its own way need an even number of voters, and little
// time.
void draw_storm(io::SimRandom& random, Options& options) {
  options.has_storm = true;
  options.has_membership = true;
  options.damage_percent = 0;
  options.voters = 4;
  options.spares = 1;
  options.admin_us = 500 * kMillisecond;
  options.partition_us = 4 * kSecond;
  options.partition_max_us = 8 * kSecond;
  options.partition_holds = options.has_one_way = false;
  options.crash_us = options.pause_us = 0;
  options.network.delay_mean_us = (1 + random.below(10)) * kMillisecond;
  options.network.slow_link_max_us = 0;
  options.moment_percent = 40 + random.below(60);
  options.moment_max_us = 1 * kMillisecond;
}

// Leaders that come to nothing, one after the other, each with records that nobody else has: thesis
// figure 3.7.
void draw_turmoil(io::SimRandom& random, Options& options) {
  options.voters = random.chance(70) ? 3 : 5;
  options.network.delay_mean_us = (1 + random.below(20)) * kMillisecond;
  options.network.slow_link_max_us = 0;
  options.raft.append_records_max = 1;
  options.raft.inflight_messages_max = 1;
  options.partition_us = 4 * kSecond;
  options.partition_max_us = (3 + random.below(4)) * kSecond;
  options.partition_holds = options.has_one_way = false;
  options.pause_us = options.admin_us = 0;
  options.moment_percent = 40 + random.below(60);
  options.moment_max_us = 6 * options.network.delay_mean_us;
}

// Candidates that meet in one term, whose requests come again when voters have restarted.
void draw_rivals(io::SimRandom& random, Options& options) {
  options.voters = random.chance(50) ? 3 : 5;
  options.spares = 0;
  options.network = {.delay_min_us = 50, .delay_mean_us = (50 + random.below(150)) * kMillisecond};
  options.network.duplicate_percent = 50;
  options.network.duplicate_delay_us = 4 * kSecond;
  options.crash_us = 2 * kSecond;
  options.restart_max_us = 10 * kMillisecond;
  options.pause_us = 0;
  options.moment_percent = 50 + random.below(50);
}

// Promises and leases put to the test: a cluster so quiet that everybody could be elected.
void draw_quiet(io::SimRandom& random, Options& options) {
  options.voters = 3;
  options.spares = 0;
  options.request_us = (1 + random.below(3)) * kSecond;
  options.read_percent = 80;
  options.raft.has_lease_reads = true;
  options.network.delay_mean_us = (1 + random.below(30)) * kMillisecond;
  options.network.slow_link_max_us = 0;
  options.disk = {.latency_min_us = 50, .latency_max_us = 2 * kMillisecond};
  options.crash_us = 4 * kSecond;
  options.restart_max_us = 10 * kMillisecond;
  options.pause_us = 3 * kSecond;
  options.pause_max_us = 900 * kMillisecond;
  options.has_frozen_clocks = false;
  options.clock_spread_permille = random.below(51);
  options.partition_us = 3 * kSecond;
  options.partition_max_us = 3 * kSecond;
  options.partition_holds = false;
}

// Nodes that come back without records that they acknowledged, where every vote counts.
void draw_damage(io::SimRandom& random, Options& options) {
  options.voters = random.chance(70) ? 3 : 5;
  options.spares = 0;
  options.has_membership = false;
  options.network.slow_link_max_us = 0;
  options.crash_us = 1 * kSecond;
  options.restart_max_us = 2 * kSecond;
  options.damage_percent = 70;
}

// Followers that fall behind a floor that moves quickly, with slow disks.
void draw_snapshots(io::SimRandom& random, Options& options) {
  options.compact_us = 200 * kMillisecond;
  options.partition_us = 2 * kSecond;
  options.partition_max_us = 4 * kSecond;
  options.disk.latency_max_us = (1 + random.below(200)) * kMillisecond;
}

Kind draw_kind(io::SimRandom& random) {
  const std::uint64_t chance = random.below(100);
  if (chance < 12) return Kind::kStorm;
  if (chance < 24) return Kind::kTurmoil;
  if (chance < 36) return Kind::kQuiet;
  if (chance < 46) return Kind::kRivals;
  if (chance < 52) return Kind::kDamage;
  if (chance < 58) return Kind::kSnapshots;
  return Kind::kAny;
}

}  // namespace

Options draw_options(std::uint64_t seed, Kind kind) {
  io::SimRandom random(seed, 1);
  static constexpr std::size_t kVoters[] = {1, 3, 3, 3, 3, 4, 4, 5, 5, 5};
  Options options;
  options.seed = seed;
  options.voters = kVoters[random.below(10)];
  if (random.chance(50)) options.spares = 1 + random.below(2);
  draw_network(random, options.network);
  draw_disk(random, options.disk);
  draw_raft(random, options.raft);
  options.tick_us = (10 + random.below(40)) * kMillisecond;
  if (random.chance(30)) options.apply_delay_us = 200 * kMillisecond;
  options.request_us = (10 + random.below(100)) * kMillisecond;
  options.read_percent = 20 + random.below(60);
  draw_troubles(random, options);
  const Kind drawn = draw_kind(random);
  switch (kind == Kind::kAny ? drawn : kind) {
    case Kind::kAny:
      break;
    case Kind::kStorm:
      draw_storm(random, options);
      break;
    case Kind::kTurmoil:
      draw_turmoil(random, options);
      break;
    case Kind::kQuiet:
      draw_quiet(random, options);
      break;
    case Kind::kRivals:
      draw_rivals(random, options);
      break;
    case Kind::kDamage:
      draw_damage(random, options);
      break;
    case Kind::kSnapshots:
      draw_snapshots(random, options);
      break;
    case Kind::kGates:
      options.gate_us = (1 + random.below(2'000)) * kMillisecond;
      break;
  }
  return options;
}

std::optional<Kind> kind_named(std::string_view name) {
  static constexpr std::pair<std::string_view, Kind> kNames[] = {{"any", Kind::kAny},
                                                                 {"storm", Kind::kStorm},
                                                                 {"turmoil", Kind::kTurmoil},
                                                                 {"quiet", Kind::kQuiet},
                                                                 {"rivals", Kind::kRivals},
                                                                 {"damage", Kind::kDamage},
                                                                 {"snapshots", Kind::kSnapshots},
                                                                 {"gates", Kind::kGates}};
  for (const auto& [known, kind] : kNames) {
    if (known == name) return kind;
  }
  return std::nullopt;
}

std::string describe(const Options& options) {
  const auto ms = [](Time time) { return time / kMillisecond; };
  return fmt::format(
      "{} voters, {} spares; delay {}+{}+{} us, loss {}%, duplicates {}%, {}; disk up to {} us, "
      "stalls "
      "{} permille; leases {}; crash every {} ms, damage {}%, pause {} ms{}{}, partition {} "
      "ms{}{}, "
      "admin {} ms{}, compact {} ms, gates {} ms, clocks +-{} permille",
      options.voters, options.spares, options.network.delay_min_us, options.network.delay_mean_us,
      options.network.slow_link_max_us, options.network.loss_percent,
      options.network.duplicate_percent, options.network.keeps_order ? "in order" : "reordered",
      options.disk.latency_max_us, options.disk.stall_permille,
      options.raft.has_lease_reads ? "on" : "off", ms(options.crash_us), options.damage_percent,
      ms(options.pause_us), options.has_suspend ? " suspending" : "",
      options.has_frozen_clocks ? " freezing" : "", ms(options.partition_us),
      options.partition_holds ? " holding" : "", options.has_one_way ? " one-way" : "",
      ms(options.admin_us), options.has_membership ? " with members" : "", ms(options.compact_us),
      ms(options.gate_us), options.clock_spread_permille);
}

}  // namespace kv::sim
