#include <algorithm>
#include <iterator>

#include <fmt/format.h>

#include "io/sim_random.h"
#include "kvsim/cluster.h"

namespace kv::kvsim {

using sim::kMillisecond;
using sim::kSecond;

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
  return options;
}

bool leave_out(const std::string& what, Options& options) {
  bool* const parts[] = {&options.has_leases, &options.has_sessions, &options.has_more_writes,
                         &options.has_disk_faults, &options.has_rot};
  constexpr const char* kNames[] = {"leases", "sessions", "batches", "disk-faults", "rot"};
  static_assert(std::size(parts) == std::size(kNames));
  const auto* const found = std::ranges::find(kNames, what);
  if (found == std::end(kNames)) return false;
  *parts[found - std::begin(kNames)] = false;
  return true;
}

std::string describe(const Options& options) {
  return fmt::format(
      "{} machines, {} spares, {} clients, {} keys, values to {}, {} bytes of log kept, {} s, "
      "trouble every {} ms, {} % of cuts inside, disk {} us, loss {} %{}{}{}{}{}{}",
      options.machines, options.spares, options.clients, options.keys, options.value_max,
      options.retention, options.duration_us / kSecond, options.trouble_mean_us / kMillisecond,
      options.inside_percent, options.disk_max_us, options.network.loss_percent,
      options.has_leases ? ", leases" : "", options.has_more_writes ? ", batches" : "",
      options.has_sessions ? ", sessions" : "", options.has_rot ? ", rot" : "",
      options.has_disk_faults ? ", disk faults" : "",
      options.compare_us != 0 ? ", comparisons" : "");
}

}  // namespace kv::kvsim
