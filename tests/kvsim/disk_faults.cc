// Disks that refuse: a write or a sync fails now and then, or there is no room for a while. A
// replica that cannot keep its promises ends, as the process does, and is started again.

#include "kvsim/cluster.h"

namespace kv::kvsim {

using sim::kMillisecond;
using sim::kSecond;

namespace {

constexpr Time kFullMax = 4 * kSecond;
constexpr std::uint64_t kRoomMax = 24 * 1024;  // a few segments
constexpr Time kStallMax = 5 * kSecond;

io::SimFault draw_fault(io::SimRandom& random) {
  using Operation = io::SimOperation;
  constexpr Operation kOperations[] = {
      Operation::kAnyChange, Operation::kWrite,  Operation::kWrite,  Operation::kSync,
      Operation::kSync,      Operation::kCreate, Operation::kRename, Operation::kTruncate};
  constexpr const char* kPlaces[] = {"",          ".seg",    ".seg",     ".hint",     "MANIFEST",
                                     "HARDSTATE", "MEMBERS", "incoming", "lost+found"};
  io::SimFault fault;
  fault.operation = kOperations[random.below(std::size(kOperations))];
  fault.path_part = kPlaces[random.below(std::size(kPlaces))];
  fault.after = random.below(random.chance(50) ? 4 : 64);
  fault.count = 1 + random.below(random.chance(70) ? 1 : 8);
  fault.is_short = random.chance(30);
  return fault;
}

io::SimFault draw_read_fault(io::SimRandom& random) {
  constexpr const char* kPlaces[] = {"",          ".seg",    ".seg",     ".seg",    ".hint",
                                     "HARDSTATE", "MEMBERS", "MANIFEST", "incoming"};
  io::SimFault fault;
  fault.operation = io::SimOperation::kRead;
  fault.path_part = kPlaces[random.below(std::size(kPlaces))];
  fault.after = random.below(random.chance(50) ? 4 : 64);
  fault.count = 1 + random.below(random.chance(70) ? 2 : 64);
  return fault;
}

}  // namespace

void Machine::fail_disk(io::SimFault fault) {
  is_disk_bad_ = true;
  fs_.plan(std::move(fault));
}

// As far as it is the log's: the process waits for nothing else on other threads.
void Machine::stall_disk(Time duration) { stalled_until_ = cluster_.events().now() + duration; }

void Machine::fill_disk(std::uint64_t room) {
  is_disk_bad_ = true;
  const auto space = fs_.space(kPath);
  if (space) fs_.set_capacity(space->total_bytes - space->free_bytes + room);
}

// What a process that is up has met stays with it.
void Machine::mend_disk() {
  if (!is_up()) is_disk_bad_ = false;
  stalled_until_ = 0;
  fs_.clear_faults();
  fs_.set_capacity(kCapacity);
}

// By itself; what it wrote is in the page cache of a machine that stays up. On its way out it may
// close its files as they should be.
void Machine::give_up(const std::string& why) {
  if (store_ && random_.chance(50)) [[maybe_unused]]
    const auto closed = store_->close();
  fs_.lose_power();
  end(io::CrashMode::kKeepCache);
  cluster_.on_death(*this, "ended: " + why);
}

void Cluster::plan_disk_faults() {
  if (!options_.has_disk_faults) return;
  events_.after(1 + fault_random_.below(2 * options_.trouble_mean_us), [this] {
    if (is_calm_) return;
    const std::size_t one = fault_random_.below(machines_.size());
    if (fault_random_.chance(60)) {
      machines_[fault_random_.chance(60) ? leader_or(one) : one]->fail_disk(
          draw_fault(fault_random_));
    } else {
      machines_[one]->fill_disk(fault_random_.below(kRoomMax));
      events_.after(fault_random_.below(kFullMax), [this, one] { machines_[one]->mend_disk(); });
    }
    plan_disk_faults();
  });
}

// While it serves, follows, sends its state or takes one.
void Cluster::plan_read_faults() {
  if (!options_.has_read_faults) return;
  events_.after(1 + read_random_.below(2 * options_.trouble_mean_us), [this] {
    if (is_calm_) return;
    const std::size_t one = read_random_.below(machines_.size());
    machines_[read_random_.chance(50) ? leader_or(one) : one]->fail_disk(
        draw_read_fault(read_random_));
    plan_read_faults();
  });
}

void Cluster::fail_reads_of_start(std::size_t machine) {
  if (!options_.has_read_faults || is_calm_ || !read_random_.chance(30)) return;
  machines_[machine]->fail_disk(draw_read_fault(read_random_));
}

// Heartbeats need no disk: whose stands still leads on, if nobody stops it.
void Cluster::plan_stalls() {
  if (!options_.has_stalls) return;
  events_.after(1 + stall_random_.below(4 * options_.trouble_mean_us), [this] {
    if (is_calm_) return;
    const std::size_t one = stall_random_.below(machines_.size());
    const Time duration = 1 + stall_random_.below(stall_random_.chance(50) ? kSecond : kStallMax);
    machines_[stall_random_.chance(60) ? leader_or(one) : one]->stall_disk(duration);
    outcome_.stalls += 1;
    plan_stalls();
  });
}

}  // namespace kv::kvsim
