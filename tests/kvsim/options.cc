#include <iterator>
#include <string_view>

#include <fmt/format.h>

#include "io/sim_random.h"
#include "kvsim/cluster.h"

namespace kv::kvsim {

using sim::kMillisecond;
using sim::kSecond;

namespace {

struct Part {
  std::string_view name;
  bool Options::*is_there;
};
constexpr Part kParts[] = {
    {"leases", &Options::has_leases},
    {"sessions", &Options::has_sessions},
    {"batches", &Options::has_more_writes},
    {"disk-faults", &Options::has_disk_faults},
    {"rot", &Options::has_rot},
    {"read-faults", &Options::has_read_faults},
    {"log-damage", &Options::has_log_damage},
    {"partitions", &Options::has_partitions},
    {"harsh-network", &Options::has_harsh_network},
    {"stalls", &Options::has_stalls},
    {"frozen-clocks", &Options::has_frozen_clocks},
    {"tight-limits", &Options::has_tight_limits},
    {"dead-minority", &Options::has_dead_minority},
};

constexpr std::uint64_t kLeastRate = 1 << 18;  // bytes a second

}  // namespace

Options draw_options(std::uint64_t seed) {
  io::SimRandom random(seed, 7);
  Options options;
  options.seed = seed;
  constexpr std::size_t kSizes[] = {1, 3, 3, 3, 3, 5};
  options.machines = kSizes[random.below(std::size(kSizes))];
  options.clients = 1 + random.below(random.chance(30) ? 16 : 6);
  // Of many, some stay deleted for long.
  options.keys = 1 + random.below(random.chance(40) ? 200 : 8);
  // A few of the large ones fill a segment.
  options.value_max = random.chance(30) ? 2000 : 300;
  options.duration_us = (5 + random.below(20)) * kSecond;
  options.trouble_mean_us = (100 + random.below(2000)) * kMillisecond;
  options.disk_max_us = 1 + random.below(random.chance(20) ? 200 * kMillisecond : 5 * kMillisecond);
  options.clock_spread_permille = random.below(20);
  options.retention = random.below(3) * 4096;
  options.inside_percent = random.chance(70) ? random.below(60) : 0;
  options.spares = random.chance(40) ? 1 + random.below(2) : 0;
  options.network.delay_min_us = random.below(3 * kMillisecond);
  options.network.delay_mean_us = random.below(10 * kMillisecond);
  options.network.loss_percent = random.chance(50) ? random.below(20) : 0;
  options.network.duplicate_percent = random.chance(50) ? random.below(20) : 0;
  options.network.duplicate_delay_us = 2 * kSecond;
  options.has_leases = random.chance(40);
  // Drawn apart, so that seeds without them are what they were.
  options.has_sessions = io::SimRandom(seed, 16).chance(40);
  // A disk that is wiped may be the one that had the only good copy.
  options.has_rot =
      io::SimRandom(seed, 17).chance(50) && options.machines > 1 && options.spares == 0;
  io::SimRandom comparing(seed, 18);
  if (comparing.chance(40)) options.compare_us = kSecond + comparing.below(2 * kSecond);
  options.has_disk_faults = io::SimRandom(seed, 19).chance(40);
  options.has_more_writes = io::SimRandom(seed, 20).chance(50);
  options.has_partitions = io::SimRandom(seed, 21).chance(40);
  options.has_harsh_network = io::SimRandom(seed, 22).chance(15);
  options.has_stalls = io::SimRandom(seed, 23).chance(30);
  options.has_frozen_clocks = io::SimRandom(seed, 24).chance(40) && !options.has_leases;
  // A record a write takes a slow disk minutes for what others hold (seed 753168512).
  options.has_tight_limits =
      io::SimRandom(seed, 25).chance(25) && options.disk_max_us <= 5 * kMillisecond;
  // Who cannot read does not put back, either.
  options.has_read_faults = io::SimRandom(seed, 27).chance(30) && !options.has_rot;
  options.has_log_damage = io::SimRandom(seed, 26).chance(40) && options.machines > 1;
  io::SimRandom pacing(seed, 28);
  if (pacing.chance(40)) options.catch_up_rate = (1 + pacing.below(16)) << 14;
  // One record in a message, and few of them in a second: learners were not level in time (seed
  // 3279516695).
  if (options.has_tight_limits && options.catch_up_rate < kLeastRate) {
    options.catch_up_rate = kLeastRate;
  }
  options.has_dead_minority = io::SimRandom(seed, 29).chance(50) && options.machines > 1;
  return options;
}

sim::NetworkOptions harsh_network(std::uint64_t seed) {
  io::SimRandom random(seed, 34);
  sim::NetworkOptions network;
  network.delay_min_us = random.below(30 * kMillisecond);
  network.delay_mean_us = random.below(random.chance(50) ? 100 * kMillisecond : 10 * kMillisecond);
  network.loss_percent = random.chance(70) ? random.below(31) : 0;
  network.duplicate_percent = random.chance(70) ? random.below(51) : 0;
  network.duplicate_delay_us = random.chance(50) ? 5 * kSecond : 50 * kMillisecond;
  network.keeps_order = random.chance(30);
  if (random.chance(30)) network.slow_link_max_us = random.below(300 * kMillisecond);
  return network;
}

raft::Settings tight_limits(std::uint64_t seed) {
  io::SimRandom random(seed, 35);
  raft::Settings settings;
  if (random.chance(50)) settings.append_records_max = 1;
  if (random.chance(50)) settings.append_bytes_max = 1 + random.below(500);
  if (random.chance(50)) settings.inflight_messages_max = 1 + random.below(2);
  if (random.chance(50)) settings.inflight_bytes_max = 1 + random.below(3000);
  if (random.chance(30)) settings.commit_hint_us = 1;
  if (random.chance(50)) settings.reads_max = 2 + random.below(4);
  return settings;
}

bool leave_out(const std::string& what, Options& options) {
  for (const Part& part : kParts) {
    if (part.name != what) continue;
    options.*part.is_there = false;
    return true;
  }
  return false;
}

std::vector<std::string> parts() {
  std::vector<std::string> names;
  for (const Part& part : kParts) names.emplace_back(part.name);
  return names;
}

std::string describe(const Options& options) {
  std::string world = fmt::format(
      "{} machines, {} spares, {} clients, {} keys, values to {}, {} bytes of log kept, {} a "
      "second to who is late, {} s, trouble every {} ms, {} % of cuts inside, disk {} us, loss {} "
      "%{}",
      options.machines, options.spares, options.clients, options.keys, options.value_max,
      options.retention, options.catch_up_rate, options.duration_us / kSecond,
      options.trouble_mean_us / kMillisecond, options.inside_percent, options.disk_max_us,
      options.network.loss_percent, options.compare_us != 0 ? ", comparisons" : "");
  for (const Part& part : kParts) {
    if (options.*part.is_there) world += fmt::format(", {}", part.name);
  }
  return world;
}

}  // namespace kv::kvsim
