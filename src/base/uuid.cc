#include "base/uuid.h"

#include <random>

#include <fmt/format.h>

namespace kv::base {
namespace {

constexpr std::size_t kHalfDigits = 16;

// Upper-case digits are refused: one value, one text.
std::optional<std::uint64_t> half_from_hex(std::string_view digits) {
  std::uint64_t half = 0;
  for (const char c : digits) {
    const bool is_digit = c >= '0' && c <= '9';
    if (!is_digit && (c < 'a' || c > 'f')) return std::nullopt;
    half = half << 4 | static_cast<std::uint64_t>(is_digit ? c - '0' : c - 'a' + 10);
  }
  return half;
}

}  // namespace

Uuid random_uuid() {
  std::random_device random;
  return random_uuid([&random] { return std::uint64_t{random()} << 32 | random(); });
}

Uuid random_uuid(const std::function<std::uint64_t()>& bits) {
  Uuid uuid;
  while (uuid.is_nil()) uuid = {.high = bits(), .low = bits()};
  return uuid;
}

std::string to_hex(const Uuid& uuid) { return fmt::format("{:016x}{:016x}", uuid.high, uuid.low); }

std::optional<Uuid> uuid_from_hex(std::string_view text) {
  if (text.size() != 2 * kHalfDigits) return std::nullopt;
  const auto high = half_from_hex(text.substr(0, kHalfDigits));
  const auto low = half_from_hex(text.substr(kHalfDigits));
  if (!high || !low) return std::nullopt;
  return Uuid{.high = *high, .low = *low};
}

}  // namespace kv::base
