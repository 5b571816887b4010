#include "engine/segment_scan.h"

#include <cstring>
#include <ostream>
#include <string>

#include <doctest/doctest.h>

#include "base/checksum.h"
#include "io/sim_file_system.h"

using kv::engine::scan_segment;
using kv::engine::ScanMode;
using kv::engine::SegmentScan;

namespace {

// A segment as the log writes it, put together by hand: records, and marks that tell of syncs.
struct HandmadeSegment {
  kv::io::SimFileSystem fs;
  std::string bytes;
  kv::format::SegmentHeader header;
  std::uint64_t last = 0;
  std::uint64_t chain = kv::format::kChainStart;

  HandmadeSegment() {
    header.kind = kv::format::SegmentKind::kLog;
    header.id = static_cast<kv::format::SegmentId>(1);
    header.salt = 9;
    header.first_sequence = 1;
    header.chain = chain;
    bytes = kv::format::encode_segment_header(header);
  }
  std::uint64_t mark(std::uint64_t synced) {
    const std::uint64_t at = bytes.size();
    kv::format::append_sync_mark(bytes, {synced, last, chain}, 0, 0, header.salt);
    return at;
  }
  void record() {
    kv::format::RecordHeader record;
    record.type = kv::format::RecordType::kPut;
    record.key_size = 1;
    record.key_crc = kv::base::crc32c("k");
    record.body_crc = record.key_crc;
    record.sequence = ++last;
    const std::uint64_t at = bytes.size();
    bytes.resize(at + kv::format::record_size(record), '\0');
    kv::format::encode_record_header(record, header.salt, bytes.data() + at);
    bytes[at + kv::format::kRecordHeaderSize] = 'k';
    chain = kv::format::extend_chain(chain, record);
  }
  SegmentScan scan() {
    REQUIRE(fs.create_dir("/d").has_value());
    auto file = fs.open("/d/1.seg", kv::io::OpenMode::kCreate);
    REQUIRE(file.has_value());
    const std::string_view pieces[] = {bytes};
    REQUIRE((*file)->write_at(0, pieces).has_value());
    auto found = scan_segment(**file, {ScanMode::kUnsealed, bytes.size(), header, 0, 0},
                              [](const kv::engine::ScannedRecord&) {});
    REQUIRE(found.has_value());
    REQUIRE(found->damaged.empty());
    REQUIRE(found->end == bytes.size());
    REQUIRE(found->last_sequence == last);
    return *found;
  }
};

}  // namespace

TEST_CASE_FIXTURE(HandmadeSegment, "without a mark nothing is proven to be synced") {
  record();
  CHECK(scan().synced_end == 0);
}

TEST_CASE_FIXTURE(HandmadeSegment, "a mark proves what lies before it, and not what follows") {
  record();
  record();
  const std::uint64_t second = mark(2);
  record();
  CHECK(scan().synced_end == second);
}

TEST_CASE_FIXTURE(HandmadeSegment, "a mark that tells of an older sync proves no more than that") {
  record();
  const std::uint64_t first = mark(0);
  record();
  SUBCASE("up to the first mark") {
    mark(1);
    CHECK(scan().synced_end == first);
  }
  SUBCASE("less than that") {
    mark(0);
    CHECK(scan().synced_end == 0);
  }
  SUBCASE("everything") {
    const std::uint64_t second = mark(2);
    CHECK(scan().synced_end == second);
  }
}
