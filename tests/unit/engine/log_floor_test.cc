#include "engine/log_floor.h"

#include <memory>

#include <doctest/doctest.h>

#include "engine/segment_table.h"
#include "io/sim_file_system.h"

using kv::engine::log_floor_candidate;
using kv::engine::SegmentTable;
using kv::format::SegmentId;
using kv::format::SegmentKind;

namespace {

// Segments 1, 2, 3 ... of 100 bytes with ten records each.
struct Log {
  kv::io::SimFileSystem fs{1};
  SegmentTable table{fs, 16};
  std::uint32_t next = 1;

  kv::engine::Segment& add(SegmentKind kind = SegmentKind::kLog) {
    const std::uint32_t id = next++;
    const std::string path = "/" + std::to_string(id);
    auto added = table.add(path, SegmentId{id}, kind, 0);
    REQUIRE(added.has_value());
    auto& segment = **added;
    segment.size = 100;
    segment.first_sequence = (id - 1) * 10 + 1;
    segment.last_sequence = id * 10;
    segment.is_sealed = true;
    return segment;
  }
};

}  // namespace

TEST_CASE_FIXTURE(Log, "the log is given up at the end of a segment that everybody has") {
  for (int i = 0; i < 4; ++i) add();
  CHECK(log_floor_candidate(table, 25, 0) == 20);
  CHECK(log_floor_candidate(table, 30, 0) == 30);
  CHECK(log_floor_candidate(table, 9, 0) == 0);
  CHECK(log_floor_candidate(table, 1000, 0) == 40);
}

TEST_CASE_FIXTURE(Log, "so much of it stays as is asked for") {
  for (int i = 0; i < 4; ++i) add();
  CHECK(log_floor_candidate(table, 1000, 1) == 30);
  CHECK(log_floor_candidate(table, 1000, 100) == 30);
  CHECK(log_floor_candidate(table, 1000, 101) == 20);
  CHECK(log_floor_candidate(table, 1000, 400) == 0);
}

TEST_CASE_FIXTURE(Log, "what is not sealed, or was merged, is no end of it") {
  add();
  add();
  add().is_sealed = false;
  add(SegmentKind::kMerged);
  CHECK(log_floor_candidate(table, 1000, 0) == 20);
  CHECK(log_floor_candidate(table, 1000, 100) == 20);
  CHECK(log_floor_candidate(table, 1000, 101) == 10);
}
