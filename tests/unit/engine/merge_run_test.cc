#include "engine/merge_run.h"

#include <algorithm>
#include <cstdlib>
#include <random>
#include <string>
#include <vector>

#include <doctest/doctest.h>

using kv::engine::MergeRun;
using kv::engine::Place;

namespace {

struct Kept {
  std::string key;
  std::string value;
  std::uint64_t sequence;
};

void add(MergeRun& run, const Kept& one) {
  kv::format::RecordHeader header;
  header.key_size = static_cast<std::uint32_t>(one.key.size());
  header.value_size = static_cast<std::uint32_t>(one.value.size());
  header.sequence = one.sequence;
  run.add({header, one.key, one.value, Place(1, one.sequence * 8, 64)});
}

}  // namespace

TEST_CASE("a run gives its records back in key order, each with what belongs to it") {
  const char* given = std::getenv("KV_SEED");
  const std::uint64_t seed =
      given != nullptr ? std::strtoull(given, nullptr, 10) : std::random_device()();
  CAPTURE(seed);
  std::mt19937_64 random(seed);
  MergeRun run;
  run.reserve(UINT64_MAX);
  // Nothing of one round is left in the next.
  for (int round = 0; round < 50; ++round) {
    CAPTURE(round);
    // Beginnings that all share, and keys that go on behind, or end within, the compared bytes.
    const std::string beginning(random() % 20, random() % 2 != 0 ? 'p' : '\xff');
    std::vector<Kept> all;
    for (std::uint64_t i = 0; i < random() % 300; ++i) {
      std::string key = beginning + std::string(random() % 12, random() % 2 != 0 ? '\0' : 'x');
      if (random() % 4 != 0) key += std::to_string(random() % 200);
      if (key.empty()) key = "k";
      all.push_back({key, std::string(random() % 50, 'v') + key, i + 1});
      add(run, all.back());
    }
    run.sort();
    std::ranges::stable_sort(all, {}, &Kept::key);
    REQUIRE(run.size() == all.size());
    for (std::size_t i = 0; i < all.size(); ++i) {
      const auto record = run.record(i);
      REQUIRE(record.key == all[i].key);
      REQUIRE(record.value == all[i].value);
      REQUIRE(record.header.sequence == all[i].sequence);
      REQUIRE(record.from == Place(1, all[i].sequence * 8, 64));
    }
    run.clear();
  }
}

TEST_CASE("a run is full by what it takes in memory, whatever its records' sizes") {
  MergeRun run;
  SUBCASE("large values") {
    const std::string value(1024 * 1024, 'v');
    while (!run.is_full()) add(run, {"key", value, 1});
    CHECK(run.size() >= 63);
    CHECK(run.size() <= 64);
  }
  SUBCASE("next to nothing") {
    while (!run.is_full()) add(run, {"k", "", 1});
    CHECK(run.size() < MergeRun::kBytesMax / 64);
    CHECK(run.size() > MergeRun::kBytesMax / 128);
  }
  run.clear();
  CHECK(!run.is_full());
  CHECK(run.size() == 0);
}
