// Every planted bug is found, in the kind of world that is made for such, from each of several
// first seeds, and as what it is; without one nothing is. Usage: planted_test [BUG...]; prints
// after how many seeds, and as what. Each hunt gets a process of its own: a core with a bug may
// also stop by itself.

#include "raft/planted.h"

#include <array>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <iterator>
#include <optional>
#include <string>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fmt/format.h>

#include "sim/simulation.h"

namespace {

using kv::raft::all_bugs;
using kv::raft::Bug;
using kv::raft::BugName;
using kv::sim::Kind;

struct Expectation {
  Bug bug;
  Kind kind;
  std::array<const char*, 3> findings;  // one of these; may be fewer
};

constexpr const char* kStopped = "the core stopped itself";
constexpr const char* kVotes = "one vote: ";
constexpr const char* kIncomplete = "leader completeness: ";
constexpr const char* kLeases = "two leases: ";
constexpr const char* kStale = "stale read: ";
constexpr const char* kNotOnDisk = "which is not on its disk";
constexpr const char* kNotDurable = "committed is durable: ";
constexpr const char* kUnsafe = "state machine safety: ";
constexpr const char* kStuck = "liveness: ";
constexpr const char* kTwoLogs = "log matching: ";

constexpr Expectation kExpectations[] = {
    {Bug::kVoteNotPersisted, Kind::kRivals, {kVotes}},
    {Bug::kVoteClearedInTerm, Kind::kRivals, {kVotes}},
    {Bug::kCommitOldTerm, Kind::kTurmoil, {kIncomplete}},
    {Bug::kNoBootSilence, Kind::kQuiet, {kLeases}},
    {Bug::kReadKeyedByCaller, Kind::kSnapshots, {kStale}},
    {Bug::kReadBeforeNoop, Kind::kAny, {kStale}},
    {Bug::kLeaseAfterTransfer, Kind::kQuiet, {kLeases}},
    {Bug::kLeaseFromReceipt, Kind::kQuiet, {kLeases}},
    {Bug::kStaleDiskCompletion, Kind::kTurmoil, {kNotOnDisk, kNotDurable}},
    {Bug::kConfigBeforeNoop, Kind::kStorm, {kIncomplete}},
    {Bug::kTwoConfigs, Kind::kStorm, {kIncomplete, kStuck, kTwoLogs}},
    {Bug::kCountsSelfEarly, Kind::kAny, {kNotDurable}},
    {Bug::kAckBeforeSync, Kind::kAny, {kNotOnDisk}},
    {Bug::kSequenceOnlyResume, Kind::kAny, {kUnsafe, kNotDurable}},
    {Bug::kSendsBeforeSaved, Kind::kRivals, {kVotes}},
    {Bug::kNoStickiness, Kind::kQuiet, {kLeases}},
    {Bug::kClaimIgnored, Kind::kDamage, {kIncomplete}},
    {Bug::kCommitUnbounded, Kind::kTurmoil, {kUnsafe}},
    // The next change is appended behind one that is not there any more, or a majority is counted
    // among voters that were never agreed on.
    {Bug::kConfigKept, Kind::kStorm, {kStopped, kIncomplete}},
    {Bug::kRemovedCountsSelf, Kind::kStorm, {kNotDurable}},
    {Bug::kInstallAckedEarly, Kind::kSnapshots, {kNotOnDisk}},
};

constexpr std::uint64_t kBases[] = {1, 1'000'001, 2'000'001};
constexpr std::uint64_t kSeedsMax = 2000;
// Without a bug, of each kind: enough to see that findings are not luck.
constexpr std::uint64_t kSoundSeeds = 25;

// What parent and child share: the child may stop at any moment.
struct Shared {
  volatile std::uint64_t tried;
  char finding[256];
};

void hunt(const Expectation& expectation, std::uint64_t base, Shared* shared) {
  // What a check says of itself belongs into the table, not beside it.
  if (std::freopen("/dev/null", "w", stderr) == nullptr) return;
  kv::raft::plant(expectation.bug);
  std::optional<std::string> problem;
  while (!problem && shared->tried < kSeedsMax) {
    const std::uint64_t seed = base + shared->tried;
    shared->tried = shared->tried + 1;
    problem = kv::sim::Simulation(kv::sim::draw_options(seed, expectation.kind)).run().problem;
  }
  const std::string finding = problem.value_or("nothing");
  shared->finding[finding.copy(shared->finding, sizeof shared->finding - 1)] = '\0';
}

std::string finding_of(const Expectation& expectation, std::uint64_t base, Shared* shared) {
  *shared = {};
  std::fflush(stdout);
  const pid_t child = ::fork();
  if (child == 0) {
    hunt(expectation, base, shared);
    ::_exit(0);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFSIGNALED(status) ? kStopped : shared->finding;
}

bool is_expected(const Expectation& expectation, const std::string& finding) {
  for (const char* expected : expectation.findings) {
    if (expected != nullptr && finding.find(expected) != std::string::npos) return true;
  }
  return false;
}

// From every base, and as what it is.
bool is_found(const BugName& bug, const Expectation& expectation, Shared* shared) {
  bool is_ok = true;
  std::string seeds;
  std::string finding;
  for (const std::uint64_t base : kBases) {
    finding = finding_of(expectation, base, shared);
    seeds += fmt::format("{}{}", seeds.empty() ? "" : ", ", shared->tried);
    if (is_expected(expectation, finding)) continue;
    fmt::print("{}, seeds from {}: not as expected: {}\n", bug.name, base, finding);
    is_ok = false;
  }
  fmt::print("| {} | {} | {} |\n", bug.name, seeds, finding);
  std::fflush(stdout);
  return is_ok;
}

bool is_sound() {
  for (const Kind kind : {Kind::kAny, Kind::kStorm, Kind::kTurmoil, Kind::kQuiet, Kind::kRivals,
                          Kind::kDamage, Kind::kSnapshots, Kind::kGates}) {
    for (std::uint64_t seed = 1; seed <= kSoundSeeds; ++seed) {
      const auto problem = kv::sim::Simulation(kv::sim::draw_options(seed, kind)).run().problem;
      if (!problem) continue;
      fmt::print("found where nothing was planted, seed {}: {}\n", seed, *problem);
      return false;
    }
  }
  return true;
}

bool is_named(const BugName& bug, int count, char** arguments) {
  for (int i = 1; i < count; ++i) {
    if (std::strcmp(arguments[i], bug.name) == 0) return true;
  }
  return count == 1;
}

}  // namespace

int main(int count, char** arguments) {
  static_assert(std::size(kBases) >= 3);
  void* memory =
      ::mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return 2;
  auto* shared = static_cast<Shared*>(memory);
  bool is_ok = true;
  fmt::print("| planted | seeds | found |\n| --- | --- | --- |\n");
  for (const BugName& bug : all_bugs()) {
    if (!is_named(bug, count, arguments)) continue;
    const Expectation* expectation = nullptr;
    for (const Expectation& one : kExpectations) {
      if (one.bug == bug.bug) expectation = &one;
    }
    is_ok = expectation != nullptr && is_found(bug, *expectation, shared) && is_ok;
  }
  if (count == 1) is_ok = is_sound() && is_ok;
  return is_ok ? 0 : 1;
}
