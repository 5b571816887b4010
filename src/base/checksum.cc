#include "base/checksum.h"

#include <algorithm>
#include <limits>

#include <isa-l/crc.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace kv::base {

std::uint32_t crc32c(std::string_view bytes) { return crc32c_extend(0, bytes); }

std::uint32_t crc32c_extend(std::uint32_t crc, std::string_view bytes) {
  // ISA-L takes a mutable pointer it only reads, an int length, and leaves both inversions to us.
  std::uint32_t state = ~crc;
  constexpr std::size_t kChunkMax = std::numeric_limits<int>::max();
  while (!bytes.empty()) {
    const std::string_view chunk = bytes.substr(0, std::min(bytes.size(), kChunkMax));
    auto* data = const_cast<unsigned char*>(reinterpret_cast<const unsigned char*>(chunk.data()));
    state = crc32_iscsi(data, static_cast<int>(chunk.size()), state);
    bytes.remove_prefix(chunk.size());
  }
  return ~state;
}

std::uint64_t hash64(std::string_view bytes) { return XXH3_64bits(bytes.data(), bytes.size()); }
std::uint64_t hash64(std::string_view bytes, std::uint64_t seed) {
  return XXH3_64bits_withSeed(bytes.data(), bytes.size(), seed);
}

std::uint64_t chain64(std::uint64_t seed, std::string_view bytes) {
  return XXH64(bytes.data(), bytes.size(), seed);
}

}  // namespace kv::base
