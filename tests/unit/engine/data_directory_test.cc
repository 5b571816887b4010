#include "engine/data_directory.h"

#include <memory>
#include <ostream>
#include <string>

#include <doctest/doctest.h>

#include "io/sim_file_system.h"

namespace {

using kv::Errc;
using kv::base::Uuid;
using kv::engine::DataDirectory;
using kv::format::Identity;

constexpr Uuid kCluster{0xc0c1c2c3c4c5c6c7, 0xc8c9cacbcccdcecf};

struct Directory {
  kv::io::SimFileSystem fs;
  explicit Directory(std::uint64_t seed = 3) : fs(seed) {}  // names are drawn by it

  std::unique_ptr<DataDirectory> open() {
    auto dir = DataDirectory::open(fs, "/db", "test", true, nullptr);
    REQUIRE_MESSAGE(dir.has_value(), (dir ? "" : describe(dir.error())));
    return std::move(*dir);
  }
};

}  // namespace

TEST_CASE_FIXTURE(Directory, "a new directory has a name of its own and is in no cluster") {
  const Identity first = open()->identity();
  CHECK_FALSE(first.node_uuid.is_nil());
  CHECK(first.cluster_id.is_nil());
  CHECK(first.node_id == 0);
  const Identity again = open()->identity();
  CHECK(again.node_uuid == first.node_uuid);
  CHECK(again.database_id == first.database_id);
  Directory other(4);
  CHECK(other.open()->identity().node_uuid != first.node_uuid);
  // What programs before clusters wrote and read.
  const auto text = kv::io::read_file(fs, "/db/IDENTITY");
  REQUIRE(text.has_value());
  CHECK(text->starts_with("format_version=1\n"));
}

TEST_CASE_FIXTURE(Directory, "a directory joins one cluster, as one node, for good") {
  const Identity before = open()->identity();
  {
    const auto dir = open();
    REQUIRE(dir->join_cluster(kCluster, 3).has_value());
    CHECK(dir->identity().cluster_id == kCluster);
    CHECK(dir->identity().node_id == 3);
  }
  const auto dir = open();
  CHECK(dir->identity().cluster_id == kCluster);
  CHECK(dir->identity().node_id == 3);
  CHECK(dir->identity().node_uuid == before.node_uuid);
  CHECK(dir->identity().database_id == before.database_id);
  CHECK(dir->join_cluster(kCluster, 3).has_value());
  for (const auto& [cluster, node] : {std::pair{kCluster, std::uint64_t{4}}, {Uuid{1, 1}, 3}}) {
    const auto joined = dir->join_cluster(cluster, node);
    REQUIRE_FALSE(joined.has_value());
    CHECK(joined.error().code == Errc::kInvalidArgument);
  }
  CHECK(dir->identity().node_id == 3);
}

TEST_CASE_FIXTURE(Directory, "a crash while it joins leaves it in the cluster or outside") {
  open();
  const kv::io::SimDisk before = fs.disk();
  for (const auto mode : {kv::io::CrashMode::kKeepCache, kv::io::CrashMode::kLoseUnsynced,
                          kv::io::CrashMode::kKeepAll, kv::io::CrashMode::kRandom}) {
    for (std::uint64_t after = 0; after < 12; ++after) {
      CAPTURE(after);
      fs.restore(before);
      fs.restart(kv::io::CrashMode::kKeepAll);
      fs.lose_power_after(after);
      bool has_joined = false;
      if (auto dir = DataDirectory::open(fs, "/db", "test", true, nullptr)) {
        has_joined = (*dir)->join_cluster(kCluster, 3).has_value();
      }
      if (fs.is_on()) fs.lose_power();
      fs.keep_power();
      fs.restart(mode, after);
      const Identity found = open()->identity();
      const bool is_in = found.cluster_id == kCluster && found.node_id == 3;
      CHECK((is_in || (!has_joined && found.cluster_id.is_nil() && found.node_id == 0)));
    }
  }
}

TEST_CASE_FIXTURE(Directory, "a HARDSTATE without CURRENT is no new database") {
  open();
  REQUIRE(fs.remove("/db/CURRENT").has_value());
  REQUIRE(kv::io::replace_file(fs, "/db/HARDSTATE", "x").has_value());
  CHECK_FALSE(DataDirectory::open(fs, "/db", "test", true, nullptr).has_value());
}
