#include "engine/key_order.h"

#include <cstring>

namespace kv::engine {

std::uint64_t key_prefix(std::string_view key) {
  unsigned char bytes[8] = {};
  std::memcpy(bytes, key.data(), std::min<std::size_t>(key.size(), sizeof bytes));
  std::uint64_t prefix = 0;
  for (const unsigned char byte : bytes) prefix = prefix << 8 | byte;
  return prefix;
}

void KeyOrder::add(std::string_view key) {
  if (count_++ == 0) {
    shared_ = key;
    return;
  }
  const auto end = std::mismatch(shared_.begin(), shared_.end(), key.begin(), key.end()).first;
  shared_.erase(end, shared_.end());
}

void KeyOrder::clear() {
  shared_.clear();
  count_ = 0;
  order_.clear();
}

}  // namespace kv::engine
