#include "engine/place.h"

#include "base/check.h"

namespace kv::engine {

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

}  // namespace kv::engine
