#include "engine/manifest_log.h"

#include <algorithm>
#include <ostream>
#include <string>

#include <doctest/doctest.h>

#include "engine/data_directory.h"
#include "io/sim_file_system.h"

using kv::Errc;
using kv::engine::DataDirectory;
using kv::engine::ManifestLog;
using kv::io::CrashMode;
using kv::io::SimDisk;
using kv::io::SimFileSystem;
using kv::io::SimOperation;

namespace {

constexpr std::uint64_t kHash = 77;

// A MANIFEST on a simulated machine, to which segments are added one by one.
struct Manifest {
  SimFileSystem fs{1};
  std::unique_ptr<ManifestLog> log;
  std::uint32_t last = 0;

  Manifest() {
    REQUIRE(fs.create_dir("/db").has_value());
    auto made = ManifestLog::create(fs, "/db", kHash);
    REQUIRE(made.has_value());
    log = std::move(*made);
  }
  kv::Result<void> add(std::uint32_t number) {
    const kv::format::Edit edits[] = {kv::format::AddSegment{
        static_cast<kv::format::SegmentId>(number), kv::format::SegmentKind::kLog, number}};
    auto said = log->append(edits);
    if (said) last = number;
    return said;
  }
  void open() {
    log.reset();
    auto opened = ManifestLog::open(fs, "/db", kHash);
    REQUIRE_MESSAGE(opened.has_value(), describe(opened.error()));
    log = std::move(*opened);
  }
  void cut_power(CrashMode mode = CrashMode::kLoseUnsynced) {
    fs.lose_power();
    fs.restart(mode);
  }
  std::size_t segments() const { return log->state().segments.size(); }
};

}  // namespace

TEST_CASE_FIXTURE(Manifest, "an edit survives a power cut as soon as it is made") {
  REQUIRE(add(1).has_value());
  REQUIRE(add(2).has_value());
  cut_power();
  open();
  CHECK(segments() == 2);
}

TEST_CASE_FIXTURE(Manifest, "a full disk refuses an edit, and the next one counts again") {
  REQUIRE(add(1).has_value());
  const auto space = fs.space("/db");
  fs.set_capacity(space->total_bytes - space->free_bytes + 10);
  const auto refused = add(2);
  REQUIRE(!refused.has_value());
  CHECK(refused.error().code == Errc::kNoSpace);
  CHECK(segments() == 1);
  fs.set_capacity(space->total_bytes);
  REQUIRE(add(2).has_value());
  REQUIRE(add(3).has_value());
  cut_power();
  open();
  CHECK(segments() == 3);
}

TEST_CASE_FIXTURE(Manifest, "after a sync that failed no edit counts until it is opened again") {
  REQUIRE(add(1).has_value());
  fs.plan({.operation = SimOperation::kSync});
  CHECK(!add(2).has_value());
  CHECK(add(2).error().code == Errc::kReadOnly);
  CHECK(segments() == 1);
}

TEST_CASE_FIXTURE(Manifest, "what a failed sync left in memory alone is written by the next open") {
  REQUIRE(add(1).has_value());
  fs.plan({.operation = SimOperation::kSync});
  CHECK(!add(2).has_value());
  open();
  REQUIRE(segments() == 2);
  REQUIRE(add(3).has_value());
  cut_power();
  open();
  CHECK(segments() == 3);
}

TEST_CASE("a MANIFEST is written anew, or not, wherever a process and then the power dies") {
  SimFileSystem fs(1);
  std::uint32_t added = 0;
  {
    auto dir = DataDirectory::open(fs, "/db", "test", true, nullptr);
    REQUIRE(dir.has_value());
    // A segment that comes and goes leaves edits and no state.
    while (kv::io::read_file(fs, "/db/MANIFEST-000001")->size() < 70'000) {
      const auto id = static_cast<kv::format::SegmentId>(++added);
      const kv::format::Edit edits[] = {
          kv::format::AddSegment{id, kv::format::SegmentKind::kLog, 1},
          kv::format::SealSegment{id, 0, 0, 0, 0, 0}, kv::format::MergeSegments{{id}, {}, 0}};
      REQUIRE((*dir)->manifest().append(edits).has_value());
    }
  }
  fs.lose_power();
  const SimDisk start = fs.disk();
  const auto open = [&] { return DataDirectory::open(fs, "/db", "test", false, nullptr); };
  bool is_whole = false;
  for (std::uint64_t at = 0; !is_whole; ++at) {
    CAPTURE(at);
    REQUIRE(at < 50);
    fs.restore(start);
    fs.restart(CrashMode::kKeepCache);
    fs.lose_power_after(at);
    is_whole = open().has_value();
    if (fs.is_on()) fs.lose_power();
    const SimDisk died = fs.disk();
    for (std::uint64_t variant = 0; variant < 30; ++variant) {
      CAPTURE(variant);
      fs.restore(died);
      fs.restart(CrashMode::kKeepCache, variant);
      REQUIRE(open().has_value());
      fs.lose_power();
      fs.restart(CrashMode::kRandom, variant);
      const auto dir = open();
      REQUIRE_MESSAGE(dir.has_value(), describe(dir.error()));
      REQUIRE((*dir)->manifest().state().next_segment == added + 1);
      REQUIRE((*dir)->manifest().number() == 2);
    }
  }
}
