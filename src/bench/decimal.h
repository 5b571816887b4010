#pragma once

#include <charconv>
#include <cstdint>
#include <string>
#include <string_view>

namespace kv::bench {

inline void append_decimal(std::string& out, std::uint64_t number) {
  char digits[20];
  const auto [end, error] = std::to_chars(digits, digits + sizeof digits, number);
  out.append(digits, static_cast<std::size_t>(end - digits));
}

// Takes a number from the front of `text`. False: it does not begin with one.
inline bool take_decimal(std::string_view& text, std::uint64_t& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return error == std::errc();
}

}  // namespace kv::bench
