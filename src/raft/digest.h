#pragma once

#include <cstdint>
#include <type_traits>

#include "raft/clock.h"
#include "raft/message.h"
#include "raft/types.h"

namespace kv::raft {

// Folds values into 64 bits, in order: to tell apart the states of a core in a search, and runs of
// a simulation. Not for disks and wires.
class Digest {
 public:
  template <class T>
  requires std::is_integral_v<T> || std::is_enum_v<T> Digest& add(T value) {
    state_ ^=
        static_cast<std::uint64_t>(value) + 0x9e3779b97f4a7c15u + (state_ << 6) + (state_ >> 2);
    state_ = (state_ ^ (state_ >> 32)) * 0xd6e8feb86659fd93u;
    state_ ^= state_ >> 29;
    return *this;
  }
  Digest& add(const Position& at) { return add(at.term).add(at.seq); }
  Digest& add(const Point& point) { return add(point.term).add(point.seq).add(point.chain); }
  Digest& add(const Instant& at) { return add(at.boot_us).add(at.raw_us); }
  Digest& add(const Config& config);
  Digest& add(const Entry& entry);
  Digest& add(const Message& message);

  std::uint64_t value() const { return state_; }

 private:
  std::uint64_t state_ = 0x243f6a8885a308d3u;
};

}  // namespace kv::raft
