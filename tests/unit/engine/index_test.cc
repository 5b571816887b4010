#include "engine/index.h"

#include <atomic>
#include <cstdlib>
#include <map>
#include <random>
#include <thread>

#include <doctest/doctest.h>

#include "engine/index_part.h"

using kv::engine::Index;
using kv::engine::IndexChange;
using kv::engine::IndexPart;
using kv::engine::IndexWindow;
using kv::engine::Place;
using kv::engine::ScanRange;

namespace {

using Model = std::map<std::string, std::uint64_t>;  // key to the bits of its place

Place place_of(std::uint64_t number) {
  return {static_cast<std::uint32_t>(number % 7), number * 8, 64};
}

std::uint64_t seed_for_test() {
  const char* given = std::getenv("KV_SEED");
  return given != nullptr ? std::strtoull(given, nullptr, 10) : std::random_device()();
}

// Keys of many lengths with long common beginnings, so that fragments and sizes are all tried.
std::string random_key(std::mt19937_64& random, std::uint64_t range) {
  const std::uint64_t number = random() % range;
  switch (number % 5) {
    case 0:
      return "user:" + std::to_string(number);
    case 1:
      return std::string(1 + number % 40, 'a') + std::string(1, static_cast<char>(number));
    case 2:
      return std::string("\0\0\0", 3) + std::to_string(number);
    case 3:
      return std::to_string(number) + std::string(number % 700, '\xff');
    default:
      return std::string(1, static_cast<char>(number)) + std::to_string(number);
  }
}

Model scan_all(const Index& index, const Index::Snapshot& snapshot, ScanRange range,
               std::size_t step) {
  Model out;
  IndexWindow items;
  std::string start(range.start);
  std::optional<std::string> end;
  if (range.end) end = std::string(*range.end);
  for (;;) {
    items.clear();
    range.start = start;
    if (end) range.end = *end;
    const bool goes_on = index.scan(range, snapshot, step, items);
    REQUIRE(items.size() <= step);
    REQUIRE((!goes_on || items.size() == step || items.is_full()));
    for (std::size_t i = 1; i < items.size(); ++i) {
      REQUIRE(
          (range.is_reverse ? items.key(i) < items.key(i - 1) : items.key(i - 1) < items.key(i)));
    }
    for (std::size_t i = 0; i < items.size(); ++i) {
      REQUIRE(out.emplace(items.key(i), items.place(i).bits()).second);
    }
    if (!goes_on) return out;
    const std::string last(items.key(items.size() - 1));
    if (range.is_reverse) {
      end = last;
    } else {
      start = last + '\0';
    }
  }
}

}  // namespace

TEST_CASE("the index answers as a sorted map does, now and at every snapshot") {
  const std::uint64_t seed = seed_for_test();
  CAPTURE(seed);
  std::mt19937_64 random(seed);
  Index index;
  Model model;
  std::vector<std::pair<Index::Snapshot, Model>> snapshots;
  std::uint64_t sequence = 0;
  for (int step = 0; step < 60'000; ++step) {
    const std::string key = random_key(random, 3000);
    const std::uint64_t choice = random() % 1000;
    // Phases of growth and of shrinking.
    const bool grows = step / 10'000 % 2 == 0;
    if (choice < (grows ? 600 : 250)) {
      const Place place = place_of(++sequence);
      const auto old = index.put(key, place, sequence);
      REQUIRE(old.has_value() == model.contains(key));
      model[key] = place.bits();
    } else if (choice < 900) {
      const auto old = index.erase(key, ++sequence);
      REQUIRE(old.has_value() == (model.erase(key) > 0));
    } else if (choice < 950) {
      const auto found = model.find(key);
      const Place from = found == model.end() ? place_of(1) : Place::from_bits(found->second);
      const Place to = place_of(random() % 1000 + 1'000'000);
      REQUIRE(index.replace(key, from, to) == (found != model.end()));
      for (auto& [snapshot, was] : snapshots) {
        const auto then = was.find(key);
        if (then != was.end() && then->second == from.bits()) then->second = to.bits();
      }
      if (found != model.end()) found->second = to.bits();
    } else if (choice < 954 && snapshots.size() < 5) {
      snapshots.emplace_back(index.snapshot(sequence), model);
    } else if (choice < 957 && !snapshots.empty()) {
      snapshots.erase(snapshots.begin() + static_cast<std::ptrdiff_t>(random() % snapshots.size()));
    } else if (choice == 957 && !snapshots.empty()) {
      const auto& [snapshot, was] = snapshots[random() % snapshots.size()];
      std::string low = random_key(random, 3000);
      std::string high = random_key(random, 3000);
      ScanRange range{low, high, random() % 2 == 0};
      Model expected;
      if (low < high) expected = Model(was.lower_bound(low), was.lower_bound(high));
      REQUIRE(scan_all(index, snapshot, range, 1 + random() % 300) == expected);
      REQUIRE(scan_all(index, snapshot, {"", std::nullopt, range.is_reverse}, 1 + random() % 900) ==
              was);
      const auto then = was.find(key);
      const auto found = index.find(key, snapshot);
      REQUIRE(found.has_value() == (then != was.end()));
      if (found) REQUIRE(found->bits() == then->second);
      index.check_invariants();
    }
    const auto found = index.find(key);
    const auto expected = model.find(key);
    REQUIRE(found.has_value() == (expected != model.end()));
    if (found) REQUIRE(found->bits() == expected->second);
    REQUIRE(index.size() == model.size());
  }
  index.check_invariants();
}

TEST_CASE("memory comes back after deletes") {
  Index index;
  std::mt19937_64 random(7);
  std::vector<std::string> keys;
  for (int i = 0; i < 200'000; ++i) keys.push_back("key-" + std::to_string(random()));
  std::uint64_t sequence = 0;
  for (const std::string& key : keys) {
    ++sequence;
    index.put(key, place_of(sequence), sequence);
  }
  const auto full = index.memory();
  CHECK((full.total_bytes - full.key_bytes) / keys.size() <= 40);
  for (std::size_t i = 0; i < keys.size(); ++i) {
    if (i % 10 != 0) index.erase(keys[i], ++sequence);
  }
  index.check_invariants();
  const auto left = index.memory();
  CHECK(left.total_bytes <= full.total_bytes / 4);
  constexpr std::uint64_t kTwoSlabs = 512 * 1024;
  CHECK(left.hash_bytes <= full.hash_bytes / 4 + kTwoSlabs);
  CHECK(left.order_bytes <= full.order_bytes / 4 + kTwoSlabs);
  for (std::size_t i = 0; i < keys.size(); i += 10) index.erase(keys[i], ++sequence);
  CHECK(index.size() == 0);
  CHECK(index.memory().total_bytes <= 1024 * 1024);
}

TEST_CASE("memory comes back after a snapshot, though nothing changes any more") {
  Index index;
  constexpr int kKeys = 100'000;
  std::uint64_t sequence = 0;
  for (int i = 0; i < kKeys; ++i) {
    ++sequence;
    index.put("key" + std::to_string(i), place_of(sequence), sequence);
  }
  {
    const auto snapshot = index.snapshot(sequence);
    for (int i = 0; i < kKeys; ++i) index.erase("key" + std::to_string(i), ++sequence);
    CHECK_FALSE(index.forget_some());
    CHECK(scan_all(index, snapshot, {"", std::nullopt, false}, 500).size() == kKeys);
  }
  int steps = 0;
  while (index.forget_some()) ++steps;
  CHECK(steps > 1);
  index.check_invariants();
  CHECK(index.memory().total_bytes <= 1024 * 1024);
  CHECK(index.memory().history_bytes == 0);
}

TEST_CASE("memory comes back when neighbours empty one after the other") {
  Index index;
  constexpr std::uint64_t kKeys = 200'000;
  const auto key_of = [](std::uint64_t i) { return "key-" + std::to_string(1'000'000 + i); };
  std::uint64_t sequence = 0;
  for (std::uint64_t i = 0; i < kKeys; ++i) {
    index.put(key_of(i * 7919 % kKeys), place_of(i), ++sequence);
  }
  const auto full = index.memory();
  // Each leaf is down to some keys while the next is full, in either direction.
  SUBCASE("upwards") {
    for (std::uint64_t i = 0; i < kKeys; ++i) {
      if (i % 10 != 0) index.erase(key_of(i), ++sequence);
    }
  }
  SUBCASE("downwards") {
    for (std::uint64_t i = kKeys; i-- > 0;) {
      if (i % 10 != 0) index.erase(key_of(i), ++sequence);
    }
  }
  index.check_invariants();
  constexpr std::uint64_t kTwoSlabs = 512 * 1024;
  CHECK(index.memory().order_bytes <= full.order_bytes / 4 + kTwoSlabs);
}

TEST_CASE("keys of every length are kept whole") {
  Index index;
  std::uint64_t sequence = 0;
  for (std::size_t size = 1; size <= 65536; size += size < 600 ? 1 : 977) {
    ++sequence;
    index.put(std::string(size, 'k'), place_of(sequence), sequence);
  }
  index.put(std::string(65536, 'z'), place_of(1), ++sequence);
  index.check_invariants();
  CHECK(index.find(std::string(65536, 'z')) == place_of(1));
  CHECK(index.find("k") == place_of(1));
  const auto snapshot = index.snapshot(sequence);
  CHECK(scan_all(index, snapshot, {"", std::nullopt, true}, 100).size() == index.size());
}

TEST_CASE("load gives the same index as puts do") {
  // Keys of several sizes, in parts of which one is empty.
  constexpr std::uint64_t kKeys = 30'000;
  const auto key_of = [](std::uint64_t i) {
    return std::to_string(1'000'000 + i) + std::string(i % 50, 'x');
  };
  for (const std::uint64_t keys : {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{64}, kKeys}) {
    CAPTURE(keys);
    std::vector<IndexPart> parts(4);
    for (std::uint64_t i = 0; i < keys; ++i) {
      parts[i * 3 / keys == 1 ? 1 : i * 3 / keys == 0 ? 0 : 3].add(key_of(i), place_of(i));
    }
    Index index;
    index.load(std::move(parts), 3);
    index.check_invariants();
    CHECK(index.size() == keys);
    for (std::uint64_t i = 0; i < keys; ++i) REQUIRE(index.find(key_of(i)) == place_of(i));
    CHECK_FALSE(index.find(key_of(keys)));
    // It takes changes like any other, until nothing is left.
    for (std::uint64_t i = 0; i < keys; ++i) {
      index.put(key_of(i) + "+", place_of(i), 2 * i + 1);
      REQUIRE(index.erase(key_of(i), 2 * i + 2) == place_of(i));
    }
    index.check_invariants();
    for (std::uint64_t i = 0; i < keys; ++i) index.erase(key_of(i) + "+", 2 * keys + i);
    index.check_invariants();
    CHECK(index.size() == 0);
    CHECK(index.memory().key_bytes == 0);
  }
}

TEST_CASE("the changes of one batch are seen together") {
  Index index;
  std::atomic<bool> is_done{false};
  std::jthread reader([&] {
    while (!is_done) {
      const auto a = index.find("a");
      const auto b = index.find("b");  // read later, so never older
      if (a && (!b || b->offset() < a->offset())) std::abort();
    }
  });
  std::vector<Place> replaced;
  for (std::uint64_t i = 1; i < 20'000; ++i) {
    const IndexChange changes[] = {{"a", place_of(i), false, i}, {"b", place_of(i), false, i}};
    replaced.clear();
    index.apply(changes, replaced);
  }
  is_done = true;
  CHECK(replaced[0] == place_of(19'998));
}

TEST_CASE("many changes at once are as the same ones after each other, new keys and deletes too") {
  Index one_by_one;
  Index together;
  std::mt19937_64 random(31);
  std::vector<std::string> keys;
  for (int i = 0; i < 300; ++i) keys.push_back("key" + std::to_string(i));
  std::uint64_t sequence = 0;
  for (int round = 0; round < 50; ++round) {
    const auto snapshot = together.snapshot(sequence);
    std::vector<IndexChange> changes;
    std::vector<Place> expected;
    for (std::uint64_t i = random() % 200; i > 0; --i) {
      sequence += 1;
      const std::string& key = keys[random() % keys.size()];
      const bool is_delete = random() % 3 == 0;
      changes.push_back({key, place_of(sequence), is_delete, sequence});
      const auto old = is_delete ? one_by_one.erase(key, sequence)
                                 : one_by_one.put(key, place_of(sequence), sequence);
      expected.push_back(old.value_or(Place()));
    }
    std::vector<Place> replaced;
    together.apply(changes, replaced);
    CHECK(replaced == expected);
  }
  for (const std::string& key : keys) CHECK(together.find(key) == one_by_one.find(key));
  CHECK(together.size() == one_by_one.size());
  together.check_invariants();
}

TEST_CASE("a snapshot stays as it was while another thread overwrites and deletes") {
  Index index;
  Model model;
  std::uint64_t sequence = 0;
  for (int i = 0; i < 5000; ++i) {
    const std::string key = "key" + std::to_string(i);
    ++sequence;
    index.put(key, place_of(sequence), sequence);
    model[key] = place_of(sequence).bits();
  }
  const auto snapshot = index.snapshot(sequence);
  std::atomic<bool> is_done{false};
  std::jthread writer([&] {
    std::mt19937_64 random(1);
    std::uint64_t next = sequence;
    while (!is_done) {
      const std::string key = "key" + std::to_string(random() % 8000);
      ++next;
      if (random() % 2 == 0) {
        index.put(key, place_of(next), next);
      } else {
        index.erase(key, next);
      }
    }
  });
  for (int round = 0; round < 10; ++round) {
    CHECK(scan_all(index, snapshot, {"", std::nullopt, round % 2 == 0}, 500) == model);
  }
  is_done = true;
}
