#include <cstdlib>
#include <ostream>
#include <random>
#include <string>

#include <doctest/doctest.h>

#include "tests/unit/engine/support/store_story.h"

using kv::test::StoreStory;

namespace {

constexpr int kStepsEach = 120;

// Calls `tell` with KV_SEED, or with the same few hundred seeds every time and some new ones.
template <class Tell>
void for_each_seed(Tell tell) {
  constexpr std::uint64_t kSeeds = 80;
  constexpr std::uint64_t kNewSeeds = 40;
  if (const char* given = std::getenv("KV_SEED")) return tell(std::strtoull(given, nullptr, 10));
  for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) tell(seed);
  std::random_device random;
  for (std::uint64_t i = 0; i < kNewSeeds; ++i) tell(random());
}

void tell_story(std::uint64_t seed, StoreStory::Trouble trouble) {
  CAPTURE(seed);
  StoreStory story(seed, trouble);
  story.run(kStepsEach);
}

}  // namespace

TEST_CASE("whatever crashes, the store holds a prefix of its log, with all it promised") {
  for_each_seed([](std::uint64_t seed) { tell_story(seed, StoreStory::Trouble::kCrashes); });
}

TEST_CASE("a write that a full disk refused was never there, and the rest is as promised") {
  for_each_seed([](std::uint64_t seed) { tell_story(seed, StoreStory::Trouble::kFullDisk); });
}

TEST_CASE("reads, writes and syncs that fail make no answer wrong and break no promise") {
  for_each_seed([](std::uint64_t seed) { tell_story(seed, StoreStory::Trouble::kFailures); });
}
