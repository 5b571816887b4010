#include "engine/place.h"

#include "base/check.h"

namespace kv::engine {

namespace {

// A size in units of 8 bytes as mantissa (8 bits) and exponent (6 bits), rounded up.
constexpr int kMantissaBits = 8;
constexpr std::uint64_t kMantissaMax = (1u << kMantissaBits) - 1;

}  // namespace

Place::Place(std::uint32_t slot, std::uint64_t offset, std::uint64_t record_size) {
  KV_CHECK(slot <= kSlotMax);
  KV_CHECK(offset <= kOffsetMax && offset % 8 == 0);
  std::uint64_t mantissa = (record_size + 7) / 8;
  std::uint64_t exponent = 0;
  while (mantissa > kMantissaMax) {
    mantissa = (mantissa + 1) / 2;
    exponent += 1;
  }
  bits_ = std::uint64_t{slot} << 44 | offset / 8 << 14 | exponent << kMantissaBits | mantissa;
}

std::uint64_t Place::size_hint() const {
  const std::uint64_t exponent = bits_ >> kMantissaBits & 0x3f;
  return ((bits_ & kMantissaMax) << exponent) * 8;
}

}  // namespace kv::engine
