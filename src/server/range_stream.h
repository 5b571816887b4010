#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "server/backend.h"

namespace kv::server {

// A RANGE or PREFIX under way: turns the next items into reply text, as many as are asked for, so
// that the whole range is never in memory. One thread at a time.
class RangeStream {
 public:
  enum class State {
    kGoesOn,      // there may be more
    kWouldBlock,  // kNoWait: the next item waits for the disk
    kEnded,       // END or ABORTED was written
  };

  RangeStream(std::unique_ptr<BackendCursor> cursor, std::string tag, bool is_keys_only)
      : cursor_(std::move(cursor)), tag_(std::move(tag)), is_keys_only_(is_keys_only) {}

  // Appends items until they are `size_min` bytes or more, or there are no more. Stops before an
  // item that would make them more than `size_max`, unless it is the first.
  State produce(std::string& out, std::size_t size_min, std::uint64_t size_max, ReadMode mode);
  std::uint64_t read_size() { return cursor_->read_size(); }  // for the next item
  bool has_failed() const { return has_failed_; }             // after kEnded: it ended with ABORTED

 private:
  const std::unique_ptr<BackendCursor> cursor_;
  const std::string tag_;
  const bool is_keys_only_;
  std::uint64_t count_ = 0;
  bool has_failed_ = false;
};

}  // namespace kv::server
