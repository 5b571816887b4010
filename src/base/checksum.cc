#include "base/checksum.h"

#include <algorithm>
#include <cstring>
#include <limits>

#if defined(__x86_64__)
#include <nmmintrin.h>
#endif

#include <isa-l/crc.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace kv::base {

namespace {

#if defined(__x86_64__)
// ISA-L is made for large blocks: below this many bytes its start costs more than it gains.
constexpr std::size_t kShortMax = 256;

bool has_instruction() {
  static const bool has = __builtin_cpu_supports("sse4.2") != 0;
  return has;
}

// The same with the processor's instruction alone.
__attribute__((target("sse4.2"))) std::uint32_t extend_short(std::uint32_t state,
                                                             std::string_view bytes) {
  const char* at = bytes.data();
  std::size_t left = bytes.size();
  std::uint64_t wide = state;
  for (; left >= sizeof wide; left -= sizeof wide, at += sizeof wide) {
    std::uint64_t word;
    std::memcpy(&word, at, sizeof word);
    wide = _mm_crc32_u64(wide, word);
  }
  state = static_cast<std::uint32_t>(wide);
  if (left >= sizeof state) {
    std::uint32_t word;
    std::memcpy(&word, at, sizeof word);
    state = _mm_crc32_u32(state, word);
    left -= sizeof word;
    at += sizeof word;
  }
  for (; left > 0; --left, ++at) state = _mm_crc32_u8(state, static_cast<unsigned char>(*at));
  return state;
}
#else
constexpr std::size_t kShortMax = 0;
constexpr bool has_instruction() { return false; }
std::uint32_t extend_short(std::uint32_t state, std::string_view) { return state; }
#endif

}  // namespace

std::uint32_t crc32c(std::string_view bytes) { return crc32c_extend(0, bytes); }

std::uint32_t crc32c_extend(std::uint32_t crc, std::string_view bytes) {
  // ISA-L takes a mutable pointer it only reads, an int length, and leaves both inversions to us.
  std::uint32_t state = ~crc;
  if (bytes.size() <= kShortMax && has_instruction()) return ~extend_short(state, bytes);
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
