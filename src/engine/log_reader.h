#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string_view>

#include "engine/log_marks.h"
#include "engine/log_segments.h"
#include "engine/log_walk.h"
#include "engine/log_window.h"
#include "engine/segment_table.h"
#include "format/record.h"
#include "kv/result.h"

namespace kv::engine {

// A record as logs are compared by: equal points mean equal logs up to there.
struct LogPoint {
  std::uint64_t term = 0;
  std::uint64_t sequence = 0;
  std::uint64_t chain = 0;  // up to and with the record
  friend bool operator==(const LogPoint&, const LogPoint&) = default;
};

// Records up to `last`; their bytes as they lie in the log.
struct LogExtent {
  std::uint64_t last = 0;
  std::uint64_t bytes = 0;
};

// A record as it was read, a batch as one; `body` is key and value.
struct LoggedRecord {
  format::RecordHeader header;
  std::string_view body;    // valid during the call
  std::uint64_t chain = 0;  // up to and with it
};
using LogVisitor = std::function<void(const LoggedRecord&)>;

// Reads the log by sequence, out of the segments of the table that writers wrote, whatever of them
// is written: whether a record is durable or committed is for the caller to know.
//
// Cheap where a leader asks: near where a call stopped, and within 64 KiB of a mark. The marks are
// made as segments are read; the first call for the end of a segment that was never read has to
// walk all of its headers.
//
// Errors: kInvalidArgument when a record is not in the log, since it was merged away, lies in a gap
// that merges left, or is still to come: the text says what is there instead. kCorruption, which
// names file and offset, when a record differs from what was written, as far as that was looked at:
// headers, density, terms that never fall, and the hash chain where sync marks and the beginnings
// of segments tell it; by read(), key and value, too. Behind damage in a segment nothing of it can
// be read. kIo.
//
// One thread at a time, while others append, seal and merge; a segment is held during a call and
// not between calls. No call may overlap a rollback: forget_from() comes after it and before any
// other call. The table outlives it. Memory: LogMarks::kMarksMax marks and LogWindow's 1 MiB, with
// the longest record read during a call.
class LogReader {
 public:
  explicit LogReader(SegmentTable& table, std::size_t marks_max = LogMarks::kMarksMax)
      : table_(table), segments_(table), marks_(marks_max) {}

  Result<LogPoint> point_at(std::uint64_t sequence);
  // The first record behind `floor`, which is below `sequence`, such that it and all up to
  // `sequence` are there and have the same term.
  Result<std::uint64_t> term_start(std::uint64_t sequence, std::uint64_t floor);
  // The records from `first` to at most `last`: at least one, and no more than fit into
  // `bytes_max`. It ends before one that cannot be read; an extent that begins there is an error.
  Result<LogExtent> extent(std::uint64_t first, std::uint64_t last, std::uint64_t bytes_max);
  // Hands the same records to `visit`, in order; returns the last one. `visit` does not call the
  // reader.
  Result<std::uint64_t> read(std::uint64_t first, std::uint64_t last, std::uint64_t bytes_max,
                             const LogVisitor& visit);

  // The same of those of one type; of the others only the headers have to be as they were.
  Result<std::uint64_t> read_type(format::RecordType type, std::uint64_t first, std::uint64_t last,
                                  const LogVisitor& visit);

  // A rollback: the records from there on are gone, or are others.
  void forget_from(std::uint64_t sequence);

  std::size_t marks() const { return marks_.size(); }
  std::size_t buffer_size() const { return window_.capacity(); }

 private:
  struct Passage;

  Result<LogWalk> walk_in(std::uint64_t sequence);
  Result<LogExtent> pass(Passage& passage);
  Result<void> check_chain(LogWalk& walk);
  Result<void> pass_segment(LogWalk& walk, Passage& passage);

  SegmentTable& table_;
  LogSegments segments_;
  LogMarks marks_;
  LogWindow window_;
};

}  // namespace kv::engine
