#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "engine/segment.h"
#include "io/file_system.h"
#include "kv/result.h"

namespace kv::engine {

// A segment of the log as it is during one call of a LogReader, which holds it that long.
struct LogSource {
  std::shared_ptr<Segment> segment;
  std::shared_ptr<io::File> file;
  std::uint64_t last_sequence = 0;
  std::uint64_t size = 0;  // bytes that are there: all records up to the last one, and maybe more
};

// Bytes of one segment, kept from call to call though the segment is not: the next call finds what
// the last one read ahead, and reads only what was appended since. One thread at a time.
//
// Holds 1 MiB, and more only from a longer record until trim().
class LogWindow {
 public:
  // A new call: what it reads may have nothing to do with what was read before.
  void begin_call() {
    is_first_fill_ = true;
    call_begin_ = UINT64_MAX;
  }
  // Up to `length` bytes at `offset`, fewer at the end; valid until the next call of anything here.
  Result<std::string_view> view(const LogSource& source, std::uint64_t offset, std::size_t length);
  void trim();
  void forget() { size_ = 0; }
  std::size_t capacity() const { return capacity_; }

 private:
  static constexpr std::size_t kAheadStart = 64 * 1024;
  static constexpr std::size_t kAheadMin = 4 * 1024;
  static constexpr std::size_t kAheadMax = 1024 * 1024;

  std::uint64_t end() const { return begin_ + size_; }
  void choose_ahead(bool goes_on);
  Result<void> fill(const LogSource& source, std::uint64_t offset, std::size_t length);
  void make_room(std::uint64_t from, std::size_t wanted);

  format::SegmentId id_{};
  std::unique_ptr<char[]> bytes_;
  std::size_t capacity_ = 0;
  std::uint64_t begin_ = 0;  // offset in the segment of the first of them
  std::size_t size_ = 0;
  std::size_t ahead_ = 0;  // bytes to read where few are asked for
  bool is_first_fill_ = true;
  std::uint64_t call_begin_ = UINT64_MAX;  // the offset the call asked for first
};

}  // namespace kv::engine
