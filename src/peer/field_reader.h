#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/endian.h"
#include "base/uuid.h"
#include "raft/types.h"

namespace kv::peer {

// Takes fields off the front of a payload. Once one does not fit all that follow are 0 and empty,
// so that it is enough to ask at the end.
class FieldReader {
 public:
  explicit FieldReader(std::string_view bytes) : bytes_(bytes) {}

  // Every field fitted and held what it may, and nothing is left.
  bool is_done() const { return is_good_ && bytes_.empty(); }
  bool is_good() const { return is_good_; }
  std::string_view rest() const { return bytes_; }

  std::string_view bytes(std::size_t size) {
    if (size > bytes_.size()) {
      is_good_ = false;
      bytes_ = {};
      return {};
    }
    const std::string_view taken = bytes_.substr(0, size);
    bytes_.remove_prefix(size);
    return taken;
  }
  template <std::unsigned_integral T>
  T number() {
    const std::string_view taken = bytes(sizeof(T));
    return taken.empty() ? T{0} : base::load_le<T>(taken.data());
  }
  std::uint64_t u64() { return number<std::uint64_t>(); }
  std::uint32_t u32() { return number<std::uint32_t>(); }
  std::uint16_t u16() { return number<std::uint16_t>(); }
  // 0 or 1, and nothing else.
  bool flag() {
    const auto value = number<std::uint8_t>();
    is_good_ = is_good_ && value <= 1;
    return value == 1;
  }
  void zeros(std::size_t size) {
    const bool is_zero = bytes(size).find_first_not_of('\0') == std::string_view::npos;
    is_good_ = is_good_ && is_zero;
  }
  raft::NodeId node() { return raft::NodeId{u64()}; }
  raft::Position position() {
    const auto term = u64();
    return {term, u64()};
  }
  raft::Point point() {
    const auto at = position();
    return {at.term, at.seq, u64()};
  }
  base::Uuid uuid() {
    const auto high = u64();
    return {high, u64()};
  }
  void refuse() { is_good_ = false; }

 private:
  std::string_view bytes_;
  bool is_good_ = true;
};

}  // namespace kv::peer
