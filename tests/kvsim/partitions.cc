// Networks that come apart in more ways than one machine's being cut off: halves, rings, bridges,
// one way alone, one link after the other.

#include <algorithm>

#include "kvsim/cluster.h"

namespace kv::kvsim {

using sim::kSecond;

namespace {

constexpr Time kPartitionMax = 6 * kSecond;

}  // namespace

void Cluster::plan_partitions() {
  if (!options_.has_partitions) return;
  events_.after(1 + partition_random_.below(4 * options_.trouble_mean_us), [this] {
    if (is_calm_) return;
    make_partition();
    plan_partitions();
  });
}

void Cluster::make_partition() {
  const std::size_t count = machines_.size();
  const std::size_t leader = leader_or(partition_random_.below(count));
  Partition partition;
  partition.duration = 1 + partition_random_.below(kPartitionMax);
  partition.is_one_way = partition_random_.chance(30);
  partition.holds = partition_random_.chance(20);
  outcome_.partitions += 1;
  switch (partition_random_.below(5)) {
    case 0:  // any two parts, the leader's perhaps the smaller one
      return cut_in_two(partition);
    case 1:  // everybody reaches only the two beside it
      for (std::size_t i = 0; i < count; ++i) {
        for (std::size_t j = i + 2; j < count; ++j) {
          if (i + count != j + 1) separate(i, j, partition);
        }
      }
      return;
    case 2:  // two halves that reach each other through one machine alone
      return cut_bridge(partition);
    case 3:  // some links, each for a while of its own
      for (std::size_t i = 0; i < count; ++i) {
        for (std::size_t j = i + 1; j < count; ++j) {
          if (!partition_random_.chance(40)) continue;
          partition.duration = 1 + partition_random_.below(kPartitionMax);
          separate(i, j, partition);
        }
      }
      return;
    default:
      return cut_one_by_one(leader, partition);
  }
}

void Cluster::separate(std::size_t one, std::size_t other, const Partition& partition) {
  const auto cut = [&](std::size_t from, std::size_t to) {
    if (partition.holds) {
      network_.clog(from, to, partition.duration);
    } else {
      network_.cut(from, to, partition.duration);
    }
  };
  cut(one, other);
  if (!partition.is_one_way) cut(other, one);
}

void Cluster::cut_in_two(const Partition& partition) {
  std::vector<bool> is_ours(machines_.size());
  for (std::size_t i = 0; i < machines_.size(); ++i) is_ours[i] = partition_random_.chance(50);
  for (std::size_t i = 0; i < machines_.size(); ++i) {
    for (std::size_t j = 0; j < machines_.size(); ++j) {
      if (is_ours[i] && !is_ours[j]) separate(i, j, partition);
    }
  }
}

void Cluster::cut_bridge(const Partition& partition) {
  const std::size_t bridge = partition_random_.below(machines_.size());
  std::vector<std::size_t> ours;
  std::vector<std::size_t> theirs;
  for (std::size_t i = 0; i < machines_.size(); ++i) {
    if (i != bridge) (ours.size() < machines_.size() / 2 ? ours : theirs).push_back(i);
  }
  for (const std::size_t one : ours) {
    for (const std::size_t other : theirs) separate(one, other, partition);
  }
}

// The links of one machine go one after the other and come back as they like ("swizzle-clogging",
// FoundationDB).
void Cluster::cut_one_by_one(std::size_t machine, const Partition& partition) {
  for (std::size_t other = 0; other < machines_.size(); ++other) {
    if (other == machine) continue;
    Partition one = partition;
    one.duration = kSecond + partition_random_.below(kPartitionMax);
    events_.after(1 + partition_random_.below(3 * kSecond), [this, machine, other, one] {
      if (!is_calm_) separate(machine, other, one);
    });
  }
}

}  // namespace kv::kvsim
