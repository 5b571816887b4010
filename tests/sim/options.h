#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "raft/settings.h"
#include "sim/disk_queue.h"
#include "sim/event_queue.h"
#include "sim/network.h"

namespace kv::sim {

// How often, per second of simulated time and thousand.
using PerMille = std::uint64_t;

// The world of one seed. Drawn so that seeds differ in kind, not only in luck: most have a few
// troubles only, and these in earnest.
struct Options {
  std::uint64_t seed = 1;
  std::size_t voters = 3;
  std::size_t spares = 0;  // nodes that are no members yet
  NetworkOptions network;
  DiskOptions disk;
  raft::Settings raft;
  Time tick_us = 20 * kMillisecond;
  Time apply_delay_us = 0;  // at most
  Time duration = 60 * kSecond;

  // Clients, mean time between requests.
  Time request_us = 50 * kMillisecond;
  std::uint64_t read_percent = 50;

  // Troubles, mean time between them; 0: never.
  Time crash_us = 0;
  Time restart_max_us = 0;  // how long a node stays down
  Time pause_us = 0;
  Time pause_max_us = 0;
  Time partition_us = 0;
  Time partition_max_us = 0;
  bool partition_holds = false;  // messages wait, rather than vanish
  bool has_one_way = false;
  Time admin_us = 0;  // changes of the members, transfers
  bool has_membership = false;
  Time compact_us = 0;
  std::uint64_t moment_percent = 0;         // of the moments that matter: trouble follows at once
  Time moment_max_us = 100 * kMillisecond;  // how soon
  bool has_storm = false;  // whoever is elected changes the members, and then some are cut off
  Time gate_us = 0;        // somebody's wish who may campaign: see raft::Core::set_may_campaign()
  std::uint64_t damage_percent = 0;  // of crashes: synced records turn out to be unreadable

  std::uint64_t clock_spread_permille = 0;  // rates lie within 1000 +- this
  bool has_suspend = false;                 // pauses may stop the clocks as a suspension does
  bool has_frozen_clocks = false;           // pauses may stop both
  // Whether what relies on clocks is to hold.
  bool has_sound_clocks() const { return !has_frozen_clocks && clock_spread_permille <= 50; }
};

// Kinds of worlds in which certain mistakes have consequences. kAny: any of them, mostly none.
// kGates, which is never drawn: somebody wishes who may campaign.
enum class Kind : std::uint8_t {
  kAny,
  kStorm,
  kTurmoil,
  kQuiet,
  kRivals,
  kDamage,
  kSnapshots,
  kGates
};
Options draw_options(std::uint64_t seed, Kind kind = Kind::kAny);
// "any", "storm" and so on.
std::optional<Kind> kind_named(std::string_view name);
std::string describe(const Options& options);

}  // namespace kv::sim
