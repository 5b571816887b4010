#pragma once

#include <cstdint>

namespace kv::engine {

// Where a key's newest record lies, packed into 8 bytes: segment slot (20 bits), offset in units of
// 8 bytes (30 bits, 8 GiB), and a hint of the record's size (14 bits, rounded up by at most 1/64)
// so that one read usually gets all of it. Slots are the store's numbers for open segments, not
// segment ids.
class Place {
 public:
  static constexpr std::uint32_t kSlotMax = (1u << 20) - 2;  // the last one marks "no place"
  static constexpr std::uint64_t kOffsetMax = ((1ull << 30) - 1) * 8;

  constexpr Place() = default;
  Place(std::uint32_t slot, std::uint64_t offset, std::uint64_t record_size);
  static constexpr Place from_bits(std::uint64_t bits) { return Place(bits); }

  std::uint32_t slot() const { return static_cast<std::uint32_t>(bits_ >> 44); }
  std::uint64_t offset() const { return (bits_ >> 14 & ((1u << 30) - 1)) * 8; }
  // >= the record's size
  std::uint64_t size_hint() const {
    const std::uint64_t exponent = bits_ >> kMantissaBits & kExponentMax;
    return ((bits_ & kMantissaMax) << exponent) * 8;
  }
  constexpr std::uint64_t bits() const { return bits_; }
  bool operator==(const Place&) const = default;

 private:
  explicit constexpr Place(std::uint64_t bits) : bits_(bits) {}
  // A size in units of 8 bytes as mantissa (8 bits) and exponent (6 bits), rounded up.
  static constexpr int kMantissaBits = 8;
  static constexpr std::uint64_t kMantissaMax = (1u << kMantissaBits) - 1;
  static constexpr std::uint64_t kExponentMax = 0x3f;
  std::uint64_t bits_ = ~std::uint64_t{0};  // no place
};

}  // namespace kv::engine
