#include "engine/segment_table.h"

#include <algorithm>
#include <atomic>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include <doctest/doctest.h>

#include "engine/place.h"
#include "engine/value_cache.h"
#include "io/sim_file_system.h"

using kv::engine::Segment;
using kv::engine::SegmentTable;

namespace {

std::shared_ptr<Segment> add(SegmentTable& table, std::uint32_t number) {
  const auto id = static_cast<kv::format::SegmentId>(number);
  auto added = table.add(std::to_string(number), id, kv::format::SegmentKind::kLog, 1);
  REQUIRE(added.has_value());
  return *added;
}

}  // namespace

TEST_CASE("a segment taken out is told once, when nobody holds it any more") {
  kv::io::SimFileSystem fs;
  SegmentTable table(fs, 4);
  auto held = add(table, 1);
  const std::uint32_t slot = held->slot();
  table.remove(slot);
  CHECK(table.take_unused().empty());
  CHECK(table.held().size() == 1);
  CHECK(table.find(slot) == held);
  held.reset();
  CHECK(table.take_unused().size() == 1);
  CHECK(table.take_unused().empty());
  CHECK(table.held().empty());
}

TEST_CASE("a pin keeps what is taken out after it") {
  kv::io::SimFileSystem fs;
  SegmentTable table(fs, 4);
  table.remove(add(table, 1)->slot());
  auto pin = table.pin();
  table.remove(add(table, 2)->slot());
  CHECK(table.take_unused().size() == 1);
  CHECK(table.held().size() == 1);
  pin.reset();
  CHECK(table.take_unused().size() == 1);
}

TEST_CASE("whoever remembers places is told before a slot has another segment") {
  kv::io::SimFileSystem fs;
  SegmentTable table(fs, 4);
  int reused = 0;
  table.on_reuse = [&] { reused += 1; };
  const std::uint32_t first = add(table, 1)->slot();
  table.remove(first);
  std::uint32_t number = 2;
  do {
    table.take_unused();
    const std::uint32_t slot = add(table, number)->slot();
    CHECK(reused == (slot == first ? 1 : 0));
    table.remove(slot);
    number += 1;
  } while (reused == 0 && number < 100'000);
  CHECK(reused == 1);
}

TEST_CASE("what was written to a slot's segment is not found in the slot's next one") {
  kv::io::SimFileSystem fs;
  SegmentTable table(fs, 4);
  kv::engine::ValueCache cache(1024 * 1024);
  table.on_reuse = [&] { cache.clear(); };  // as the store has it
  std::string bytes;
  kv::Version version = 0;
  const auto is_found = [&](kv::engine::Place place) {
    return cache.find(1, place, bytes, version);
  };
  const std::uint32_t first = add(table, 1)->slot();
  const kv::engine::Place place(first, 64, 64);
  cache.add_written(1, place, "value", 1);
  REQUIRE(is_found(place));
  table.remove(first);
  std::uint32_t slot = first + 1;
  for (std::uint32_t number = 2; slot != first && number < 100'000; ++number) {
    table.take_unused();
    if (number % 1000 == 0) REQUIRE(is_found(place));
    slot = add(table, number)->slot();
    table.remove(slot);
  }
  REQUIRE(slot == first);
  CHECK_FALSE(is_found(place));
  cache.add_written(1, place, "another", 2);
  REQUIRE(is_found(place));
  CHECK(bytes == "another");
}

TEST_CASE("a segment let go while it is asked who is unused is told the next time") {
  constexpr std::uint32_t kSegments = 2000;
  kv::io::SimFileSystem fs;
  SegmentTable table(fs, 4);
  std::vector<std::shared_ptr<Segment>> held;
  held.reserve(kSegments);
  for (std::uint32_t i = 0; i < kSegments; ++i) held.push_back(add(table, i + 1));
  for (const auto& segment : held) table.remove(segment->slot());
  std::set<kv::format::SegmentId> told;
  std::size_t count = 0;
  const auto take = [&] {
    for (const auto id : table.take_unused()) {
      told.insert(id);
      count += 1;
    }
  };
  std::atomic<bool> is_done{false};
  {
    const std::jthread reader([&] {
      for (auto& segment : held) {
        segment.reset();
        std::this_thread::yield();
      }
      is_done = true;
    });
    while (!is_done) take();
  }
  take();
  CHECK(told.size() == kSegments);
  CHECK(count == kSegments);
}
