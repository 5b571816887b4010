#pragma once

#include <cstdint>
#include <string_view>

#include "engine/log_marks.h"
#include "engine/log_window.h"
#include "format/record.h"
#include "kv/result.h"

namespace kv::engine {

// A way along one segment of the log, record by record, from the nearest mark. Verifies each
// header, that sequences are dense, that terms never fall, and the hash chain wherever a sync mark
// tells it. Part of a LogReader's call.
//
// kCorruption names file and offset.
class LogWalk {
 public:
  LogWalk(LogSource source, LogWindow& window, LogMarks& marks)
      : source_(std::move(source)), window_(window), marks_(marks) {}

  // Where the segment begins.
  Result<LogMark> beginning();
  // Stands before the record then, which the segment holds, or behind its last one.
  Result<void> go_to(std::uint64_t sequence);
  // The header of the record it stands before.
  Result<format::RecordHeader> peek();
  // Key and value of that record; valid until the next call.
  Result<std::string_view> body(const format::RecordHeader& header);
  void pass(const format::RecordHeader& header);
  // Readers come back to where it stands.
  void stop() { marks_.add_stop(id(), at_); }

  format::SegmentId id() const { return source_.segment->id(); }
  const LogMark& at() const { return at_; }
  std::uint64_t last_sequence() const { return source_.last_sequence; }
  void note_failed_read() { ++source_.segment->failed_reads; }
  // Of the segment or of what it stands before.
  Error damaged(std::uint64_t offset, std::string_view what);
  Error damaged(std::string_view what) { return damaged(at_.offset, what); }

 private:
  Result<LogMark> read_beginning();
  Result<void> pass_sync_mark(const format::RecordHeader& header);
  Result<void> check(const format::RecordHeader& header);

  LogSource source_;
  LogWindow& window_;
  LogMarks& marks_;
  LogMark at_;
  std::uint64_t mark_due_ = UINT64_MAX;
};

}  // namespace kv::engine
