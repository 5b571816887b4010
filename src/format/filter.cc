#include "format/filter.h"

#include <array>
#include <cstddef>

#include "base/checksum.h"
#include "base/endian.h"

namespace kv::format {
namespace {

// A key sets one bit in each of the eight 32-bit words of one block: a cache line's half, read
// once.
constexpr std::size_t kWords = 8;
constexpr std::size_t kBlockSize = kWords * sizeof(std::uint32_t);
constexpr std::uint64_t kBitsPerKey = 10;
constexpr std::uint64_t kKeysPerBlock = kBlockSize * 8 / kBitsPerKey;

// Odd multipliers, one a word: the fractional parts of the square roots of the first eight primes,
// with the lowest bit set.
constexpr std::array<std::uint32_t, kWords> kMultipliers = {
    0x6a09e667, 0xbb67ae85, 0x3c6ef373, 0xa54ff53b, 0x510e527f, 0x9b05688d, 0x1f83d9ab, 0x5be0cd19};

std::uint64_t block_count(std::uint64_t keys) {
  return keys / kKeysPerBlock + (keys % kKeysPerBlock != 0 ? 1 : 0);
}

// The high half of the hash chooses the block, the low half the bits.
std::size_t block_at(std::uint64_t hash, std::uint64_t blocks) {
  return static_cast<std::size_t>((hash >> 32) * blocks >> 32) * kBlockSize;
}

std::uint32_t bit_of(std::uint64_t hash, std::size_t word) {
  return std::uint32_t{1} << (static_cast<std::uint32_t>(hash) * kMultipliers[word] >> 27);
}

}  // namespace

void FilterBuilder::add(std::string_view key) { hashes_.push_back(base::hash64(key)); }

std::string FilterBuilder::finish() const {
  const std::uint64_t blocks = block_count(hashes_.size());
  std::string filter(blocks * kBlockSize, '\0');
  for (const std::uint64_t hash : hashes_) {
    char* block = filter.data() + block_at(hash, blocks);
    for (std::size_t word = 0; word < kWords; ++word) {
      char* at = block + word * sizeof(std::uint32_t);
      base::store_le(at, base::load_le<std::uint32_t>(at) | bit_of(hash, word));
    }
  }
  return filter;
}

bool is_filter_size(std::uint64_t size, std::uint64_t keys) {
  return size % kBlockSize == 0 && size / kBlockSize == block_count(keys);
}

bool filter_may_contain(std::string_view filter, std::string_view key) {
  if (filter.empty()) return false;
  // Nothing this builder made: the only safe answer.
  if (filter.size() % kBlockSize != 0) return true;
  const std::uint64_t hash = base::hash64(key);
  const char* block = filter.data() + block_at(hash, filter.size() / kBlockSize);
  for (std::size_t word = 0; word < kWords; ++word) {
    const auto bits = base::load_le<std::uint32_t>(block + word * sizeof(std::uint32_t));
    if ((bits & bit_of(hash, word)) == 0) return false;
  }
  return true;
}

}  // namespace kv::format
