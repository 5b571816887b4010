#pragma once

#include <cstddef>
#include <vector>

#include "io/sim_random.h"
#include "sim/world.h"

namespace kv::sim {

// Makes trouble, as often and of the kinds that the options say: processes die and stop, machines
// are cut off from each other, members come and go.
class Nemesis {
 public:
  explicit Nemesis(World& world)
      : world_(world), random_(world.options.seed, 3), gates_(world.options.seed, 4) {}

  void begin();
  // Something happened on that node after which trouble hurts most.
  void on_moment(Moment moment, Replica& replica);
  // From here on everybody, or a majority and no others, is up, running and within reach, the disks
  // are calm and the network loses little.
  void end();

 private:
  // Calls `trouble` again and again, `mean` apart on average.
  void repeat(Time mean, void (Nemesis::*trouble)());
  Time about(Time mean) { return 1 + random_.below(2 * mean); }
  Replica& any() { return *world_.replicas[random_.below(world_.replicas.size())]; }
  // One that leads, or believes so; nullptr: none does.
  Replica* some_leader();

  bool may_lose_some() const;
  void crash();
  void crash(Replica& victim);
  void pause();
  void partition();
  void cut_around(Replica& replica);
  void cut_half(const Replica& replica);
  void administrate();
  void change_members(Replica& leader);
  void compact();
  void plan_gate();
  // The two sides of a cut, from the first to the second and back.
  void separate(const std::vector<std::size_t>& ours, const std::vector<std::size_t>& theirs);
  void cut_ring();
  void cut_links();
  void cut_one_by_one(Replica& replica);
  void cut_in_two(std::size_t lone);
  void cut_bridge();

  World& world_;
  io::SimRandom random_;
  io::SimRandom gates_;
  bool is_over_ = false;
  Time partition_time_ = 0;
};

}  // namespace kv::sim
