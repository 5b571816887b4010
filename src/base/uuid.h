#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace kv::base {

// 128 bits, random unless all are zero: a name that nobody else gave to anything.
struct Uuid {
  static constexpr std::size_t kSize = 16;

  std::uint64_t high = 0;  // the first half, as it is read
  std::uint64_t low = 0;

  bool is_nil() const { return high == 0 && low == 0; }
  friend auto operator<=>(const Uuid&, const Uuid&) = default;
};

// From the system's source of randomness; never nil.
Uuid random_uuid();
// Of 64 bits at a time that somebody else draws.
Uuid random_uuid(const std::function<std::uint64_t()>& bits);
// 32 lower-case hex digits, and back; none for any other text.
std::string to_hex(const Uuid& uuid);
std::optional<Uuid> uuid_from_hex(std::string_view text);

}  // namespace kv::base
