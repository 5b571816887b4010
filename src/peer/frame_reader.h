#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "peer/frame.h"

namespace kv::peer {

// Bytes from a connection, in pieces of any size, become frames. What it holds grows with what has
// come, not with what a header promises. One thread.
class FrameReader {
 public:
  // Takes bytes off the front of `bytes` until a frame is whole, or all of them. After an error
  // every call gives it again.
  Parsed<std::optional<Frame>> take(std::string_view& bytes);

  // Whether the connection may end here: not inside a frame.
  bool is_between_frames() const { return head_size_ == 0; }
  // The frame that is on its way, once its header is here. What has come of it may be damaged.
  struct Begun {
    FrameType type;
    std::string_view payload;
  };
  std::optional<Begun> begun() const;
  // Memory, for accounting.
  std::size_t held() const { return payload_.capacity(); }

 private:
  Parsed<void> take_head(std::string_view& bytes);
  Parsed<std::optional<Frame>> fail(FrameError error);

  char head_[kFrameHeaderSize] = {};
  std::size_t head_size_ = 0;
  FrameHeader header_;  // once head_ is whole
  std::string payload_;
  std::uint32_t payload_crc_ = 0;  // of payload_
  std::optional<FrameError> error_;
};

}  // namespace kv::peer
