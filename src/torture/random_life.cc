#include "torture/random_life.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

namespace kv::torture {

namespace {

constexpr int kStepsEach = 120;
constexpr std::uint64_t kPlenty = std::uint64_t{1} << 40;  // bytes of disk

constexpr std::array kTroubles = {RandomLife::Trouble::kCrashes, RandomLife::Trouble::kFullDisk,
                                  RandomLife::Trouble::kFailures};
constexpr std::array<const char*, 3> kTroubleNames = {"crashes", "full disk", "failures"};

Life::Settings settings_of(std::uint64_t seed) {
  io::SimRandom random(seed, 1);
  Life::Settings settings;
  settings.seed = seed;
  settings.open_segments_max = 1 + static_cast<std::uint32_t>(random.below(3));
  settings.sync = random.chance(50) ? Sync::kDisk : Sync::kNone;
  // Enough for all values of a life, and opened in no time; or each is read where it lies.
  settings.value_cache_max = seed % 2 == 0 ? 0 : 1024 * 1024;
  return settings;
}

}  // namespace

RandomLife::RandomLife(std::uint64_t seed, Trouble trouble)
    : seed_(seed),
      trouble_(trouble),
      random_(seed, static_cast<std::uint64_t>(trouble) + 10),
      life_(settings_of(seed)) {}

std::optional<Finding> RandomLife::run(int steps) {
  live(steps);
  if (!life_.problem()) return std::nullopt;
  Finding finding;
  finding.problem = *life_.problem();
  finding.where = fmt::format("seed {}, {}, {} crashes", seed_,
                              kTroubleNames[static_cast<std::size_t>(trouble_)], crashes_);
  finding.operation = life_.machine().changes();
  finding.replay = fmt::format("--seed {} --seeds 1 --no-scripts", seed_);
  finding.trail = life_.trail();
  return finding;
}

void RandomLife::live(int steps) {
  recover();
  for (int i = 0; i < steps && !life_.problem(); ++i) {
    step();
    if (!life_.problem() && !life_.goes_on()) recover();
  }
  if (life_.problem()) return;
  end_trouble();
  life_.close();
  recover();
  if (!life_.problem() && life_.goes_on() && life_.check_convergence()) life_.check_afterlife();
}

std::string RandomLife::some_value() {
  const std::uint64_t size = chance(5) ? below(6'000) : below(300);
  return std::string(size, static_cast<char>('a' + below(26)));
}

void RandomLife::step() {
  if (!life_.expects_failures() && chance(6)) plan_trouble();
  if (life_.expects_failures() && chance(6)) end_trouble();
  const std::uint64_t choice = below(100);
  if (choice < 58) {
    life_.write(plan_write());
  } else if (choice < 72) {
    write_group();
  } else if (choice < 77) {
    take_snapshot();
  } else if (choice < 82) {
    life_.check_snapshots();
  } else if (choice < 85) {
    life_.sync();
  } else if (choice < 87) {
    if (life_.close() || !life_.problem()) recover();
  } else if (choice < 89) {
    life_.machine().lose_power();
  } else if (choice < 95) {
    merge();
  } else if (choice < 98) {
    life_.checkpoint();
  } else {
    life_.check();
  }
}

void RandomLife::plan_trouble() {
  io::SimFileSystem& machine = life_.machine();
  const auto kind = static_cast<Trouble>(below(static_cast<std::uint64_t>(trouble_) + 1));
  life_.expect_failures(kind == Trouble::kFailures);
  if (kind == Trouble::kCrashes) {
    has_crash_planned_ = true;
    return machine.lose_power_after(below(chance(50) ? 10 : 60));
  }
  has_crash_planned_ = false;
  if (kind == Trouble::kFullDisk) {
    const auto space = machine.space(Life::kDirectory);
    if (!space) return;
    return machine.set_capacity(space->total_bytes - space->free_bytes + below(5'000));
  }
  static constexpr io::SimOperation kOperations[] = {
      io::SimOperation::kAnyChange, io::SimOperation::kWrite, io::SimOperation::kSync,
      io::SimOperation::kRead};
  io::SimFault fault;
  fault.operation = kOperations[below(std::size(kOperations))];
  fault.after = below(10);
  fault.is_short = chance(50);
  if (fault.operation != io::SimOperation::kRead && chance(30))
    fault.error = std::errc::no_space_on_device;
  machine.plan(fault);
}

void RandomLife::end_trouble() {
  io::SimFileSystem& machine = life_.machine();
  machine.keep_power();
  machine.clear_faults();
  machine.set_capacity(kPlenty);
  has_crash_planned_ = false;
  if (machine.is_on()) life_.expect_calm();
}

PlannedWrite RandomLife::plan_write() {
  PlannedWrite planned;
  planned.key = some_key();
  if (chance(20)) planned.options.sync = Sync::kDisk;
  const std::uint64_t choice = below(100);
  if (choice < 15) {
    planned.kind = Write::Kind::kBatch;
    plan_batch(planned);
    return planned;
  }
  if (choice < 25) {
    const auto options = planned.options;
    planned = plan_update(planned.key, life_.model().newest(), chance(10) ? "" : some_value());
    planned.options = options;
    return planned;
  }
  if (choice < 45) {
    planned.kind = Write::Kind::kDelete;
    planned.changes.push_back({planned.key, std::nullopt});
  } else {
    planned.value = some_value();
    planned.changes.push_back({planned.key, planned.value});
  }
  plan_condition(planned);
  return planned;
}

void RandomLife::plan_batch(PlannedWrite& planned) {
  for (std::uint64_t i = below(6) + 1; i > 0; --i) {
    const std::string key = some_key();
    if (chance(30)) {
      planned.batch.del(key);
      planned.changes.push_back({key, std::nullopt});
    } else {
      const std::string value = some_value();
      planned.batch.put(key, value);
      planned.changes.push_back({key, value});
    }
  }
}

void RandomLife::plan_condition(PlannedWrite& planned) {
  const ModelState& newest = life_.model().newest();
  const auto found = newest.find(planned.key);
  const bool exists = found != newest.end();
  const bool is_delete = planned.kind == Write::Kind::kDelete;
  Condition& condition = planned.options.condition;
  switch (below(10)) {
    case 0:
      condition.kind = Condition::Kind::kAbsent;
      planned.is_conflict = exists;
      break;
    case 1:
      condition.kind = Condition::Kind::kPresent;
      planned.is_conflict = !exists;
      break;
    case 2:
      condition.kind = Condition::Kind::kVersion;
      condition.version = exists && chance(70) ? found->second.version : 1 + below(50);
      planned.is_conflict = exists ? condition.version != found->second.version : !is_delete;
      break;
    default:
      break;
  }
  if (planned.is_conflict || (is_delete && !exists)) planned.changes.clear();
}

// Each is planned once the model has the ones before.
void RandomLife::write_group() {
  const std::uint64_t count = 2 + below(6);
  for (std::uint64_t i = 0; i < count; ++i) life_.submit(plan_write());
  life_.finish_group();
}

// Nobody else writes while things fail: what such a write did would be anybody's guess.
void RandomLife::merge() {
  std::vector<std::uint64_t> operations;
  if (life_.is_calm() || has_crash_planned_) {
    for (std::uint64_t i = below(5); i > 0; --i) operations.push_back(below(40));
  }
  std::ranges::sort(operations);
  life_.merge(operations, [this] { return plan_write(); });
}

void RandomLife::take_snapshot() {
  life_.take_snapshot();
  if (life_.snapshots() > 4) life_.drop_snapshot(below(4));
}

void RandomLife::restart_machine() {
  static constexpr io::CrashMode kModes[] = {
      io::CrashMode::kRandom,    io::CrashMode::kRandom,       io::CrashMode::kRandom,
      io::CrashMode::kKeepCache, io::CrashMode::kLoseUnsynced, io::CrashMode::kKeepAll};
  const io::CrashMode mode = kModes[below(std::size(kModes))];
  life_.restart({mode, below(UINT64_MAX)});
  crashes_ += 1;
}

// Until it opens; it may crash again on the way.
void RandomLife::recover() {
  while (!life_.problem()) {
    life_.shut();
    if (!life_.machine().is_on()) {
      restart_machine();
      end_trouble();
      if (chance(30)) {
        life_.machine().lose_power_after(below(25));
        life_.expect_failures(false);
        has_crash_planned_ = true;
      }
    }
    if (life_.open()) break;
    if (life_.machine().is_on()) end_trouble();
  }
  if (!life_.problem()) life_.check_start();
}

std::optional<Finding> live_by_seed(std::uint64_t seed, std::uint64_t& operations) {
  for (const RandomLife::Trouble trouble : kTroubles) {
    RandomLife life(seed, trouble);
    auto finding = life.run(kStepsEach);
    operations += life.operations();
    if (finding) return finding;
  }
  return std::nullopt;
}

}  // namespace kv::torture
