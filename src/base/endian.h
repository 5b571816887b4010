#pragma once

#include <bit>
#include <concepts>
#include <cstring>
#include <string>

namespace kv::base {

static_assert(std::endian::native == std::endian::little,
              "the formats are little-endian as they lie");

// Unaligned little-endian numbers at `at`; the caller has checked the bounds.
template <std::unsigned_integral T>
T load_le(const char* at) {
  T value;
  std::memcpy(&value, at, sizeof value);
  return value;
}

template <std::unsigned_integral T>
void store_le(char* at, T value) {
  std::memcpy(at, &value, sizeof value);
}

template <std::unsigned_integral T>
void append_le(std::string& out, T value) {
  char bytes[sizeof value];
  store_le(bytes, value);
  out.append(bytes, sizeof bytes);
}

}  // namespace kv::base
