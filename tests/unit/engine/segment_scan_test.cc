#include "engine/segment_scan.h"

#include <algorithm>
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
  // Of a key of one byte; its value is zeros.
  void record(std::uint32_t value_size = 0) {
    kv::format::RecordHeader record;
    record.type = kv::format::RecordType::kPut;
    record.key_size = 1;
    record.value_size = value_size;
    record.key_crc = kv::base::crc32c("k");
    record.body_crc = kv::base::crc32c_extend(record.key_crc, std::string(value_size, '\0'));
    record.sequence = ++last;
    const std::uint64_t at = bytes.size();
    bytes.resize(at + kv::format::record_size(record), '\0');
    kv::format::encode_record_header(record, header.salt, bytes.data() + at);
    bytes[at + kv::format::kRecordHeaderSize] = 'k';
    chain = kv::format::extend_chain(chain, record);
  }
  SegmentScan scan_file(const kv::engine::ScanRequest& request) {
    REQUIRE(fs.create_dir("/d").has_value());
    const std::string path = "/d/" + std::to_string(++files) + ".seg";
    auto file = fs.open(path, kv::io::OpenMode::kCreate);
    REQUIRE(file.has_value());
    const std::string_view pieces[] = {bytes};
    REQUIRE((*file)->write_at(0, pieces).has_value());
    auto found = scan_segment(**file, request, [](const kv::engine::ScannedRecord&) {});
    REQUIRE(found.has_value());
    return *found;
  }
  SegmentScan scan_unsealed() {
    return scan_file({ScanMode::kUnsealed, bytes.size(), header, 0, 0, false});
  }
  SegmentScan scan() {
    const SegmentScan found = scan_unsealed();
    REQUIRE(found.damaged.empty());
    REQUIRE(found.end == bytes.size());
    REQUIRE(found.last_sequence == last);
    return found;
  }
  int files = 0;
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

TEST_CASE_FIXTURE(HandmadeSegment, "zeros behind the last record are its end, however many") {
  record(0);
  const std::string start = bytes;
  // The last record ends before, at and behind the end of a block.
  for (const std::uint32_t value_size : {0U, 8U, 3'864U, 3'872U, 3'880U, 3'888U, 3'920U, 9'000U}) {
    for (const std::uint64_t size : {1ULL, 7ULL, 8ULL, 47ULL, 48ULL, 4'096ULL, 70'000ULL}) {
      CAPTURE(value_size);
      CAPTURE(size);
      bytes = start;
      last = 1;
      record(value_size);
      const std::uint64_t end = bytes.size();
      bytes.append(size, '\0');
      const SegmentScan found = scan_unsealed();
      CHECK(found.end == end);
      CHECK(found.last_sequence == 2);
      CHECK(found.tail_size == 0);
      CHECK(found.damaged.empty());
    }
    bytes.resize((bytes.size() + 4095) / 4096 * 4096, '\0');
    CHECK(scan_unsealed().tail_size == 0);
  }
}

TEST_CASE_FIXTURE(HandmadeSegment, "a segment of zeros alone holds nothing, and lost nothing") {
  bytes.assign(8'192, '\0');
  const SegmentScan found = scan_unsealed();
  CHECK(found.end == kv::format::kSegmentHeaderSize);
  CHECK(found.records == 0);
  CHECK(found.tail_size == 0);
  CHECK(found.damaged.empty());
}

TEST_CASE_FIXTURE(HandmadeSegment, "the zeros behind a torn record are no part of the torn tail") {
  record();
  const std::uint64_t end = bytes.size();
  record(100);
  bytes[end] = static_cast<char>(~bytes[end]);
  bytes.append(10'000, '\0');
  const SegmentScan found = scan_unsealed();
  CHECK(found.end == end);
  CHECK(found.last_sequence == 1);
  // Of the torn record all but the zeros of its value.
  CHECK(found.tail_size == kv::format::kRecordHeaderSize + 1);
  CHECK_FALSE(found.tail_has_frames);
}

TEST_CASE_FIXTURE(HandmadeSegment, "an intact record behind a torn one is kept with its zeros") {
  record();
  const std::uint64_t end = bytes.size();
  record(100);
  bytes[end] = static_cast<char>(~bytes[end]);
  record(500);
  const std::uint64_t used = bytes.size();
  bytes.append(10'000, '\0');
  const SegmentScan found = scan_unsealed();
  CHECK(found.end == end);
  CHECK(found.tail_size == used - end);
  CHECK(found.tail_has_frames);
}

TEST_CASE_FIXTURE(HandmadeSegment, "a record that was synced is missed though zeros follow it") {
  record();
  const std::uint64_t lost = bytes.size();
  record(100);
  const std::uint64_t lost_end = bytes.size();
  mark(2);
  record(100);
  bytes.append(10'000, '\0');
  SUBCASE("its header turned over") { bytes[lost] = static_cast<char>(~bytes[lost]); }
  SUBCASE("it reads as zeros") { std::memset(bytes.data() + lost, 0, lost_end - lost); }
  const SegmentScan found = scan_unsealed();
  REQUIRE(found.damaged.size() == 1);
  CHECK(found.damaged[0].offset == lost);
  CHECK(found.last_sequence == 3);
  CHECK(found.tail_size == 0);
}

TEST_CASE_FIXTURE(HandmadeSegment, "zeros where later segments prove records are damage") {
  record();
  bytes.append(4'000, '\0');
  const auto found = scan_file({ScanMode::kUnsealed, bytes.size(), header, 0, 2, false});
  REQUIRE(found.damaged.size() == 1);
  CHECK(found.last_sequence == 2);
}

TEST_CASE_FIXTURE(HandmadeSegment, "zeros at the end of what takes all for synced are damage") {
  record();
  const std::uint64_t end = bytes.size();
  bytes.append(4'000, '\0');
  CHECK(scan_file({ScanMode::kSealed, bytes.size(), header, 1, 0, false}).damaged.size() == 1);
  const auto found = scan_file({ScanMode::kSealed, bytes.size(), header, 1, 0, true});
  CHECK(found.damaged.empty());
  CHECK(found.end == end);
}

TEST_CASE_FIXTURE(HandmadeSegment, "a record of which ones alone are left gives no key away") {
  record(40);
  const std::uint64_t begin = bytes.size();
  record(40);
  const std::uint64_t end = bytes.size();
  record(40);
  std::fill(bytes.begin() + static_cast<std::ptrdiff_t>(begin),
            bytes.begin() + static_cast<std::ptrdiff_t>(end), '\xff');
  const auto found = scan_file({ScanMode::kSealed, bytes.size(), header, 3, 0, false});
  REQUIRE(found.damaged.size() == 1);
  CHECK(found.damaged[0].offset == begin);
  CHECK(found.damaged[0].keys.empty());
  CHECK(found.damaged[0].is_blind);
}
