#include "torture/random_life.h"

#include <cstdlib>
#include <ostream>
#include <random>

#include <doctest/doctest.h>

using kv::torture::Finding;
using kv::torture::RandomLife;

namespace {

// Calls `live` with KV_SEED, or with the same few dozen seeds every time and some new ones.
template <class Live>
void for_each_seed(Live live) {
  constexpr std::uint64_t kSeeds = 80;
  constexpr std::uint64_t kNewSeeds = 40;
  if (const char* given = std::getenv("KV_SEED")) return live(std::strtoull(given, nullptr, 10));
  for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) live(seed);
  std::random_device random;
  for (std::uint64_t i = 0; i < kNewSeeds; ++i) live(random());
}

void live_with(RandomLife::Trouble trouble) {
  constexpr int kSteps = 120;
  std::uint64_t crashes = 0;
  for_each_seed([&](std::uint64_t seed) {
    RandomLife life(seed, trouble);
    const auto finding = life.run(kSteps);
    CHECK_MESSAGE(!finding, describe(finding.value_or(Finding())));
    crashes += life.crashes();
  });
  CHECK(crashes > 0);
}

}  // namespace

TEST_CASE("whatever crashes, the store holds a prefix of its log, with all it promised") {
  live_with(RandomLife::Trouble::kCrashes);
}

TEST_CASE("a write that a full disk refused was never there, and the rest is as promised") {
  live_with(RandomLife::Trouble::kFullDisk);
}

TEST_CASE("reads, writes and syncs that fail make no answer wrong and break no promise") {
  live_with(RandomLife::Trouble::kFailures);
}

TEST_CASE("lives that once went wrong") {
  struct Known {
    std::uint64_t seed;
    const char* what;
  };
  const Known known[] = {
      {89, "a seal's cut that a failed sync lost, which the next start took for done"},
      {254, "zeros behind a segment's records, where the log had gone on in the next one"},
  };
  for (const Known& one : known) {
    std::uint64_t operations = 0;
    const auto finding = kv::torture::live_by_seed(one.seed, operations);
    CHECK_MESSAGE(!finding, one.what << ": " << describe(finding.value_or(Finding())));
    CHECK(operations > 0);
  }
}
