#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace kv::bench {

// Values that tell which key they belong to, so that a read can be checked without remembering what
// was written:
//
//   0     4      8       12
//   +-----+------+-------+------------------------+
//   | key | size | stamp | bytes that no compressor|
//   | u32 | u32  | u32   | makes shorter            |
//   +-----+------+-------+------------------------+
//
// The stamp says where in a fixed pool of noise the bytes come from. A value shorter than the
// header is the beginning of one. Constant after construction, the same in every process.
class StampedValues {
 public:
  static constexpr std::size_t kHeaderSize = 12;

  StampedValues();
  void append(std::string& out, std::uint32_t key, std::uint32_t size, std::uint32_t stamp) const;
  // Whether that is a value of the key, whole and unchanged.
  bool is_right(std::uint32_t key, std::string_view value) const;

 private:
  static constexpr std::size_t kPieceSize = 128 * 1024;
  // The noise of a value is this piece, again and again. Every bit of the stamp has a say in it.
  std::string_view piece(std::uint32_t stamp) const {
    static_assert(kPieceSize == 1 << 17);
    return std::string_view(pool_).substr((stamp * 2'654'435'761u) >> (32 - 17), kPieceSize);
  }
  std::string pool_;  // twice kPieceSize
};

}  // namespace kv::bench
