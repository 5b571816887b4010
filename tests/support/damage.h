#pragma once

#include <cstddef>
#include <string>

#include <doctest/doctest.h>

namespace kv::test {

// Calls check(damaged, at) with every single bit of `bytes` flipped, and every byte inverted.
template <class Check>
void each_flip(const std::string& bytes, Check check) {
  std::string damaged = bytes;
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    CAPTURE(at);
    for (const int mask : {0x01, 0x02, 0x04, 0x08, 0x10, 0x20, 0x40, 0x80, 0xff}) {
      CAPTURE(mask);
      damaged[at] = static_cast<char>(bytes[at] ^ mask);
      check(damaged, at);
    }
    damaged[at] = bytes[at];
  }
}

// Calls check(cut) with every proper prefix of `bytes`.
template <class Check>
void each_cut(const std::string& bytes, Check check) {
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    CAPTURE(size);
    check(bytes.substr(0, size));
  }
}

}  // namespace kv::test
