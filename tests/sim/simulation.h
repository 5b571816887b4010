#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>

#include "io/sim_random.h"
#include "sim/nemesis.h"
#include "sim/options.h"
#include "sim/world.h"

namespace kv::sim {

struct Outcome {
  std::optional<std::string> problem;
  std::uint64_t hash = 0;  // of everything that happened
  std::uint64_t events = 0;
  std::uint64_t writes = 0;  // acknowledged
  std::uint64_t reads = 0;   // done
  std::uint64_t terms = 0;   // that had a leader
  std::deque<std::string> lines;
};

// One seed: a cluster lives through the troubles that its options draw, while clients write and
// read; the oracle looks on after every event. Then the troubles end, and within a minute there
// must be a leader, no request may be left waiting, and all members that are up must have the same
// log; and nobody deposes that leader.
class Simulation {
 public:
  explicit Simulation(const Options& options, std::size_t lines_max = 0);
  ~Simulation();

  Outcome run();

 private:
  void run_until(Time end);
  void plan_request();
  void request();
  void check_leases();
  bool has_converged() const;
  std::string why_not() const;
  void settle();
  void stay();

  World world_;
  io::SimRandom random_;
  Nemesis nemesis_;
  std::uint64_t next_value_ = 1;
  bool has_clients_ = true;
};

}  // namespace kv::sim
