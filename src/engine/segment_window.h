#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "format/record.h"
#include "io/file_system.h"
#include "kv/result.h"

namespace kv::engine {

// One frame of a segment, verified.
struct Frame {
  enum class State {
    kIntact,
    kBodyDamaged,    // `header` is sound
    kHeaderDamaged,  // or nothing but the end of the file
    kZero,           // 48 zero bytes
  };
  State state = State::kHeaderDamaged;
  format::RecordHeader header;
  std::string_view body;  // key and value; kIntact, and kBodyDamaged as far as it is there
};

// A buffered view of a segment's bytes that moves forward (and back, at the price of reading
// again). One thread.
class SegmentWindow {
 public:
  // Sees the first `size` bytes of `file`.
  SegmentWindow(const io::File& file, std::uint64_t size, std::uint64_t salt)
      : file_(file), size_(size), salt_(salt) {}

  std::uint64_t size() const { return size_; }
  // Up to `length` bytes at `offset`, fewer at the end; valid until the next call.
  Result<std::string_view> view(std::uint64_t offset, std::size_t length);
  // The frame at `offset`; its views hold until the next call.
  Result<Frame> frame(std::uint64_t offset);
  // The first intact frame at or behind `offset` that lies on a record boundary, its offset in
  // `found`; none: `found` is size().
  Result<Frame> next_intact(std::uint64_t offset, std::uint64_t& found);

 private:
  static constexpr std::size_t kReadSize = 1024 * 1024;

  const io::File& file_;
  const std::uint64_t size_;
  const std::uint64_t salt_;
  std::string buffer_;
  std::uint64_t buffer_offset_ = 0;
  std::size_t buffer_size_ = 0;
};

}  // namespace kv::engine
