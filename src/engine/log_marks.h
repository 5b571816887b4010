#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "format/segment.h"

namespace kv::engine {

// A place between two records of a segment of the log, and what is known there of those before it.
struct LogMark {
  std::uint64_t sequence = 0;    // of the record behind it
  std::uint64_t offset = 0;      // of that record or of a sync mark before it
  std::uint64_t chain = 0;       // up to the record before it
  std::uint64_t term = 0;        // of the record before it; where the segment begins, of its first
  std::uint64_t term_start = 0;  // the first record of the segment that has that term

  bool begins_segment() const { return term_start == sequence; }
};

// Where records of the log lie: a mark every 64 KiB of what was read of a segment, from its
// beginning on without a hole, and the places where readers stopped of late. One thread at a time.
//
// Bounded: at most `marks_max` marks (40 bytes each, and the spare room of a vector). When there
// are more, the segment that was not asked for the longest loses all of its marks; a segment that
// has too many by itself keeps every second one. What is dropped comes back as it is read again.
class LogMarks {
 public:
  static constexpr std::uint64_t kInterval = 64 * 1024;
  static constexpr std::size_t kMarksMax = 32 * 1024;  // of 2 GiB of the log, in 1.3 MB

  explicit LogMarks(std::size_t marks_max = kMarksMax) : marks_max_(marks_max) {}

  // The last place known that is not behind the record.
  std::optional<LogMark> nearest(format::SegmentId id, std::uint64_t sequence);
  // A place right behind the record, if a reader stopped there.
  std::optional<LogMark> behind(format::SegmentId id, std::uint64_t sequence) const;

  void begin(format::SegmentId id, const LogMark& mark);  // the segment begins there
  // The offset from which on another mark of the segment is wanted; never, unless it has begun.
  std::uint64_t due(format::SegmentId id) const;
  // Returns due(), after it.
  std::uint64_t add(format::SegmentId id, const LogMark& mark);
  void add_stop(format::SegmentId id, const LogMark& mark);

  // The records from there on are others than those that were read.
  void forget_from(std::uint64_t sequence);
  std::size_t size() const;

 private:
  struct OfSegment {
    std::vector<LogMark> marks;  // never empty; in order
    std::uint64_t interval = kInterval;
    std::uint64_t last_use = 0;
  };
  struct Stop {  // in a segment that has marks
    format::SegmentId id{};
    LogMark mark;  // of sequence 0: none
  };

  void bound(OfSegment& used);

  const std::size_t marks_max_;
  std::map<format::SegmentId, OfSegment> segments_;
  std::uint64_t uses_ = 0;
  std::array<Stop, 16> stops_;  // more than followers and the places each of them is asked about
  std::size_t next_stop_ = 0;
};

}  // namespace kv::engine
