#include "engine/value_cache.h"

#include <array>
#include <cstdlib>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include <doctest/doctest.h>

#include "engine/key_hash.h"

using kv::Version;
using kv::engine::Place;
using kv::engine::ValueCache;

namespace {

constexpr std::uint64_t kSize = 4 * 1024 * 1024;

Place place_of(std::uint64_t number) { return {1, number * 8, 64}; }

// Of the number's key.
std::uint64_t hash_of(std::uint64_t number) { return kv::engine::hash_key(std::to_string(number)); }

// What may lie at a place, and nothing else.
std::string value_of(std::uint64_t number) {
  return std::string(static_cast<std::size_t>(number * 7919 % 400), 'v') + std::to_string(number);
}

bool has(ValueCache& cache, std::uint64_t number) {
  std::string bytes;
  Version version = 0;
  if (!cache.find(hash_of(number), place_of(number), bytes, version)) return false;
  CHECK(bytes == value_of(number));
  CHECK(version == number);
  return true;
}

void add(ValueCache& cache, std::uint64_t number) {
  cache.add(hash_of(number), place_of(number), value_of(number), number);
}

}  // namespace

TEST_CASE("a value that was added is found at its place and nowhere else") {
  ValueCache cache(kSize);
  for (std::uint64_t i = 1; i < 1000; ++i) add(cache, i);
  for (std::uint64_t i = 1; i < 1000; ++i) CHECK(has(cache, i));
  CHECK_FALSE(has(cache, 0));
  CHECK_FALSE(has(cache, 1000));
  CHECK(cache.use().hits == 999);
  CHECK(cache.use().misses == 2);
}

TEST_CASE("a key's value that moved is found where it is now, and not where it was") {
  ValueCache cache(kSize);
  std::string bytes;
  Version version = 0;
  const std::uint64_t hash = hash_of(1);
  cache.add(hash, place_of(1), "old", 1);
  cache.add(hash, place_of(2), "new", 2);
  CHECK_FALSE(cache.find(hash, place_of(1), bytes, version));  // its slot went to the newer one
  REQUIRE(cache.find(hash, place_of(2), bytes, version));
  CHECK(bytes == "new");
  CHECK(version == 2);
  CHECK_FALSE(cache.find(hash, place_of(3), bytes, version));
}

TEST_CASE("a value that a merge moved is found at its new place, and only there") {
  ValueCache cache(kSize);
  std::string bytes;
  Version version = 0;
  const std::uint64_t hash = hash_of(1);
  cache.add_written(hash, place_of(1), "value", 7);
  cache.move(hash, place_of(2), place_of(3));  // another record's
  CHECK_FALSE(cache.find(hash, place_of(3), bytes, version));
  cache.move(hash, place_of(1), place_of(4));
  CHECK_FALSE(cache.find(hash, place_of(1), bytes, version));
  REQUIRE(cache.find(hash, place_of(4), bytes, version));
  CHECK(bytes == "value");
  CHECK(version == 7);
}

TEST_CASE("the cache takes no more than its bytes, and the oldest values go") {
  ValueCache cache(kSize);
  for (std::uint64_t i = 1; i <= 100'000; ++i) add(cache, i);
  CHECK(cache.use().bytes <= kSize);
  CHECK(cache.use().bytes > kSize / 2);
  std::uint64_t newer = 0;
  for (std::uint64_t i = 95'001; i <= 100'000; ++i) newer += has(cache, i) ? 1 : 0;
  CHECK(newer > 4900);  // a few lost their slot to others of their bucket
  for (std::uint64_t i = 1; i <= 50'000; ++i) CHECK_FALSE(has(cache, i));
}

TEST_CASE("values that are asked for again and again stay, whatever else comes") {
  ValueCache cache(kSize);
  std::uint64_t asked = 0;
  std::uint64_t found = 0;
  for (std::uint64_t i = 1000; i <= 400'000; ++i) {
    add(cache, i);
    if (i % 100 != 0) continue;
    const std::uint64_t wanted = i / 100 % 40;  // each again after 4000 others; some 18,000 fit
    asked += 1;
    if (has(cache, wanted)) {
      found += 1;
    } else {
      add(cache, wanted);
    }
  }
  CHECK(static_cast<double>(found) > 0.93 * static_cast<double>(asked));
}

TEST_CASE("a cleared cache has forgotten everything and takes values anew") {
  ValueCache cache(kSize);
  for (std::uint64_t i = 1; i < 1000; ++i) add(cache, i);
  cache.clear();
  for (std::uint64_t i = 1; i < 1000; ++i) CHECK_FALSE(has(cache, i));
  for (std::uint64_t i = 1; i < 1000; ++i) add(cache, i);
  for (std::uint64_t i = 1; i < 1000; ++i) CHECK(has(cache, i));
}

TEST_CASE("large values are not taken, and a cache without memory takes none") {
  ValueCache cache(kSize);
  std::string bytes;
  Version version = 0;
  cache.add(hash_of(1), place_of(1), std::string(ValueCache::kValueMax, 'v'), 1);
  CHECK(cache.find(hash_of(1), place_of(1), bytes, version));
  cache.add(hash_of(2), place_of(2), std::string(ValueCache::kValueMax + 1, 'v'), 2);
  CHECK_FALSE(cache.find(hash_of(2), place_of(2), bytes, version));
  cache.add_written(hash_of(2), place_of(2), std::string(ValueCache::kValueMax + 1, 'v'), 2);
  CHECK_FALSE(cache.find(hash_of(2), place_of(2), bytes, version));
  ValueCache none(0);
  add(none, 1);
  none.add_written(hash_of(1), place_of(1), value_of(1), 1);
  none.move(hash_of(1), place_of(1), place_of(2));
  CHECK_FALSE(has(none, 1));
  CHECK(none.use().bytes_max == 0);
}

TEST_CASE("whatever several threads add and find, each place has its own value") {
  ValueCache cache(1024 * 1024);
  const auto work = [&cache](std::uint64_t seed) {
    std::mt19937_64 random(seed);
    std::string bytes;
    for (int i = 0; i < 50'000; ++i) {
      const std::uint64_t number = random() % 10'000;
      const std::array hashes{hash_of(number), hash_of(number + 1)};
      cache.prefetch_slots(hashes);
      cache.prefetch_values(hashes);
      Version version = 0;
      if (cache.find(hash_of(number), place_of(number), bytes, version)) {
        if (version != number || bytes != value_of(number)) std::abort();
      } else {
        add(cache, number);
      }
      if (random() % 20'000 == 0) cache.clear();
    }
  };
  std::vector<std::jthread> threads;
  for (std::uint64_t seed = 1; seed <= 3; ++seed) threads.emplace_back(work, seed);
  threads.clear();
  CHECK(cache.use().hits > 0);
}
