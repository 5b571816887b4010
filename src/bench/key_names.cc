#include "bench/key_names.h"

#include <charconv>

#include "base/check.h"

namespace kv::bench {

KeyNames::KeyNames(std::size_t size) : prefix_("bench:") {
  KV_CHECK(size >= kSizeMin && size <= kSizeMax);
  prefix_.resize(size - kSizeMin, '0');
}

void KeyNames::append(std::string& out, std::uint32_t number) const {
  char digits[kSizeMin];
  for (std::size_t at = kSizeMin; at > 0; --at) {
    digits[at - 1] = static_cast<char>('0' + number % 10);
    number /= 10;
  }
  out.append(prefix_).append(digits, kSizeMin);
}

std::string KeyNames::name(std::uint32_t number) const {
  std::string out;
  append(out, number);
  return out;
}

std::optional<std::uint32_t> KeyNames::number(std::string_view key) const {
  if (key.size() != size() || !key.starts_with(prefix_)) return std::nullopt;
  std::uint32_t number = 0;
  const char* last = key.data() + key.size();
  const auto [end, error] = std::from_chars(key.data() + prefix_.size(), last, number);
  return error == std::errc() && end == last ? std::optional(number) : std::nullopt;
}

}  // namespace kv::bench
