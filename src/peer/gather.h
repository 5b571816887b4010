#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/endian.h"
#include "base/uuid.h"
#include "peer/frame.h"
#include "raft/types.h"

namespace kv::peer {

// Bytes to be written to a connection: some of its own, and large ones that it refers to where they
// lie, kept alive by their owners until it is destroyed. One thread.
class Gather {
 public:
  // From here on copying costs more than another piece.
  static constexpr std::size_t kReferredMin = 4 * 1024;

  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  // In order; valid until the next change.
  std::vector<std::string_view> pieces() const;
  std::string joined() const;

 private:
  friend class FrameWriter;
  struct Piece {
    std::size_t own_at = 0;  // in own_, of own_size bytes
    std::size_t own_size = 0;
    std::string_view referred;  // instead, when owner is set
    std::shared_ptr<const void> owner;
  };

  std::string own_;
  std::vector<Piece> pieces_;
  std::size_t size_ = 0;
};

// Appends one frame to a Gather: the payload is added piece by piece, finish() writes the header in
// front of it.
class FrameWriter {
 public:
  FrameWriter(Gather& out, FrameType type);
  FrameWriter(const FrameWriter&) = delete;
  FrameWriter& operator=(const FrameWriter&) = delete;

  template <std::unsigned_integral T>
  requires(!std::same_as<T, bool>) void add(T value) {
    char bytes[sizeof value];
    base::store_le(bytes, value);
    copy({bytes, sizeof bytes});
  }
  void add(const base::Uuid& uuid) {
    add(uuid.high);
    add(uuid.low);
  }
  void add(raft::NodeId node) { add(static_cast<std::uint64_t>(node)); }
  void add(const raft::Position& at) {
    add(at.term);
    add(at.seq);
  }
  void add(const raft::Point& point) {
    add(point.position());
    add(point.chain);
  }
  void add(bool flag) { add(std::uint8_t{flag}); }
  void zeros(std::size_t size);
  void copy(std::string_view bytes);
  // Copied when they are few or nobody owns them.
  void refer(std::string_view bytes, std::shared_ptr<const void> owner);
  void finish();

 private:
  Gather& out_;
  const FrameType type_;
  const std::size_t header_at_;  // in out_.own_
  const std::size_t start_;      // out_'s size behind the header
  std::uint32_t crc_;
};

}  // namespace kv::peer
