#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "engine/log_reader.h"
#include "engine/segment_table.h"
#include "format/record.h"
#include "format/segment.h"
#include "io/sim_file_system.h"

namespace kv::test {

// A log put together by hand in a table of segments, with terms and rollbacks, and what is in it.
struct HandmadeLog {
  struct Part {
    std::shared_ptr<engine::Segment> segment;
    std::shared_ptr<io::File> file;
    std::uint64_t written = 0;
  };
  io::SimFileSystem fs;
  engine::SegmentTable table{fs, 3};
  std::vector<engine::LogPoint> points{{0, 0, format::kChainStart}};  // by sequence
  std::vector<std::uint64_t> offsets{0};                              // the same
  std::vector<std::uint64_t> sizes{0};
  std::vector<Part> parts;
  std::uint32_t next_id = 1;

  HandmadeLog() { REQUIRE(fs.create_dir("/d").has_value()); }
  ~HandmadeLog() = default;
  HandmadeLog(const HandmadeLog&) = delete;
  HandmadeLog& operator=(const HandmadeLog&) = delete;

  std::uint64_t last() const { return points.size() - 1; }
  void begin_segment() { begin_segment(points.back().chain); }
  void begin_segment(std::uint64_t chain) {
    const auto id = static_cast<format::SegmentId>(next_id++);
    const std::uint64_t salt = 1000 + format::number(id);
    const std::string path = "/d/" + std::to_string(format::number(id)) + ".seg";
    auto file = fs.open(path, io::OpenMode::kCreate);
    REQUIRE(file.has_value());
    auto segment = table.add(path, id, format::SegmentKind::kLog, salt);
    REQUIRE(segment.has_value());
    parts.push_back({*segment, table.adopt_file(**segment, std::move(*file))});
    write_header(chain);
  }
  void append(std::uint64_t term, const std::string& value) { append(term, value, last() + 1); }
  void append(std::uint64_t term, const std::string& value, std::uint64_t sequence,
              format::RecordType type = format::RecordType::kPut) {
    if (parts.empty()) begin_segment();
    format::RecordHeader header;
    header.type = type;
    header.term = term;
    header.sequence = sequence;
    std::string bytes;
    const std::string_view key = type == format::RecordType::kPut ? "key" : "";
    format::append_record(bytes, header, key, value, parts.back().segment->salt());
    REQUIRE(format::decode_record_header(bytes, parts.back().segment->salt(), header) ==
            format::HeaderState::kValid);
    offsets.push_back(parts.back().written);
    sizes.push_back(bytes.size());
    points.push_back({term, last() + 1, format::extend_chain(points.back().chain, header)});
    write(bytes);
    engine::Segment& segment = *parts.back().segment;
    segment.size = parts.back().written;
    if (segment.first_sequence == 0) segment.first_sequence = last();
    segment.last_sequence = last();
  }
  void append_some(std::uint64_t count, std::uint64_t term, std::size_t value_size) {
    for (std::uint64_t i = 0; i < count; ++i) append(term, std::string(value_size, 'v'));
  }
  void sync_mark() { sync_mark(points.back().chain); }
  void sync_mark(std::uint64_t chain) {
    std::string bytes;
    format::append_sync_mark(bytes, {last(), last(), chain}, points.back().term, 0,
                             parts.back().segment->salt());
    write(bytes);
  }
  // Of a segment that a rollback leaves without a record.
  enum class Emptied { kRemoved, kKept, kWrittenAgain };
  // As a rollback does it: `sequence` and what is behind it are gone, but for their bytes.
  void roll_back(std::uint64_t sequence, Emptied emptied) {
    const auto is_gone = [sequence](const engine::Segment& segment) {
      return segment.first_sequence == 0 || segment.first_sequence >= sequence;
    };
    std::optional<Part> first_gone;
    while (!parts.empty() && is_gone(*parts.back().segment)) {
      if (first_gone) table.remove(first_gone->segment->slot());
      first_gone = parts.back();
      parts.pop_back();
    }
    if (!parts.empty() && parts.back().segment->last_sequence >= sequence) {
      parts.back().segment->size = offsets[sequence];
      parts.back().segment->last_sequence = sequence - 1;
    }
    points.resize(sequence);
    offsets.resize(sequence);
    sizes.resize(sequence);
    if (!first_gone || emptied != Emptied::kWrittenAgain) begin_segment();
    if (!first_gone) return;
    engine::Segment& segment = *first_gone->segment;
    if (emptied == Emptied::kRemoved) return table.remove(segment.slot());
    segment.size = format::kSegmentHeaderSize;
    segment.last_sequence = sequence - 1;
    if (emptied == Emptied::kKept) return;
    segment.first_sequence = 0;
    parts.push_back({first_gone->segment, first_gone->file, 0});
    write_header(points.back().chain);
  }
  void check(engine::LogReader& reader, std::uint64_t sequence) const {
    const auto point = reader.point_at(sequence);
    REQUIRE_MESSAGE(point.has_value(), (point ? "" : describe(point.error())));
    REQUIRE(point->term == points[sequence].term);
    REQUIRE(point->sequence == sequence);
    REQUIRE(point->chain == points[sequence].chain);
  }
  std::uint64_t term_start(std::uint64_t sequence, std::uint64_t floor) const {
    while (sequence - 1 > floor && points[sequence - 1].term == points[sequence].term) --sequence;
    return sequence;
  }

 private:
  void write_header(std::uint64_t chain) {
    const engine::Segment& segment = *parts.back().segment;
    write(format::encode_segment_header(
        {format::SegmentKind::kLog, segment.id(), segment.salt(), last() + 1, 0, chain, 0}));
  }
  void write(const std::string& bytes) {
    const std::string_view pieces[] = {bytes};
    REQUIRE(parts.back().file->write_at(parts.back().written, pieces).has_value());
    parts.back().written += bytes.size();
  }
};

}  // namespace kv::test
