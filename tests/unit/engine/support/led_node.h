#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include <doctest/doctest.h>

#include "base/checksum.h"
#include "engine/store_impl.h"
#include "io/sim_file_system.h"

namespace kv::test {

using Content = std::map<std::string, std::string>;

// A node's store, whose log comes from a leader that commits everything at once.
struct LedNode {
  std::shared_ptr<io::SimFileSystem> fs;
  std::unique_ptr<StoreImpl> store;
  std::uint64_t committed = 0;

  explicit LedNode(std::uint64_t seed) : fs(std::make_shared<io::SimFileSystem>(seed)) { open(); }
  explicit LedNode(const io::SimDisk& disk) : fs(std::make_shared<io::SimFileSystem>(1)) {
    fs->restore(disk);
    fs->restart(io::CrashMode::kKeepAll);
  }
  LedNode(LedNode&&) = default;
  ~LedNode() { store.reset(); }

  void open() {
    auto opened = try_open();
    REQUIRE_MESSAGE(opened.has_value(), describe(opened.error()));
  }
  Result<void> try_open() {
    Options options;
    options.segment_size_max = 4096;
    options.scrub_rate = 0;
    options.merges_automatically = false;
    options.value_cache_max = 0;  // what is read is what the disk has
    auto opened = StoreImpl::open(*fs, "/db", options, Background::kCaller, Replicated{committed});
    if (!opened) return tl::unexpected(std::move(opened).error());
    store = std::move(*opened);
    return {};
  }
  void append(format::RecordType type, const std::string& key, const std::string& value) {
    format::RecordHeader header;
    header.type = type;
    header.term = 1;
    header.sequence = store->pipeline().last_sequence() + 1;
    header.key_size = static_cast<std::uint32_t>(key.size());
    header.value_size = static_cast<std::uint32_t>(value.size());
    header.key_crc = base::crc32c(key);
    header.body_crc = base::crc32c_extend(header.key_crc, value);
    const std::string body = key + value;
    const engine::ForeignRecord record{header, body};
    REQUIRE(store->pipeline().append({&record, 1}).has_value());
    store->pipeline().flush(ReadMode::kMayBlock);
    REQUIRE(store->pipeline().sync().has_value());
    committed = header.sequence;
    store->pipeline().commit(committed);
    store->work();
  }
  void put(const std::string& key, const std::string& value) {
    append(format::RecordType::kPut, key, value);
  }
  void del(const std::string& key) { append(format::RecordType::kDelete, key, ""); }
  // Some keys written again and again, of `value`, and others deleted.
  void fill(char value, int rounds) {
    for (int i = 0; i < rounds; ++i) {
      put("key" + std::to_string(i % 7), std::string(300, value) + std::to_string(i));
      if (i % 5 == 0) put("gone" + std::to_string(i % 3), std::string(200, value));
      if (i % 5 == 3) del("gone" + std::to_string(i % 3));
    }
    for (int i = 0; i < 3; ++i) del("gone" + std::to_string(i));
  }
  // The floor at the end of the newest sealed segment.
  void raise_floor() {
    format::LogFloor floor;
    for (const auto& [id, info] : store->directory().manifest().state().segments) {
      if (!info.is_sealed || info.last_sequence <= floor.sequence) continue;
      floor = {1, info.last_sequence, info.end_chain};
    }
    REQUIRE(floor.sequence > 0);
    REQUIRE(store->raise_log_floor(floor).has_value());
  }
  void raise_floor_and_merge() {
    raise_floor();
    REQUIRE(store->merge(0).has_value());
  }
  Content content() const {
    Content rows;
    auto cursor = store->range({}, store->snapshot());
    for (;;) {
      auto step = cursor.next(ReadMode::kMayBlock);
      REQUIRE(step.has_value());
      if (*step != Cursor::Step::kItem) return rows;
      rows[cursor.item().key] = cursor.item().value;
    }
  }
  engine::DataDirectory& dir() const { return store->directory(); }
  void crash() {
    fs->lose_power();
    store.reset();
    fs->restart(io::CrashMode::kRandom, 7);
  }
};

// Merged segments, and some of the log as it was written.
inline LedNode leader_with_base() {
  LedNode leader(1);
  leader.fill('a', 40);
  leader.fill('b', 40);
  leader.raise_floor_and_merge();
  leader.fill('c', 30);
  leader.raise_floor();
  return leader;
}

}  // namespace kv::test
