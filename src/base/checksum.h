#pragma once

#include <cstdint>
#include <string_view>

namespace kv::base {

// CRC-32C (Castagnoli; RFC 3720 section 12.1, with its initial and final inversion), computed with
// the processor's instruction where it has one.
std::uint32_t crc32c(std::string_view bytes);

// The checksum of `head` followed by `bytes`, where `crc` is the one of `head`.
std::uint32_t crc32c_extend(std::uint32_t crc, std::string_view bytes);

// XXH3, 64 bits: key filters, and with a seed the keydir's hashes.
std::uint64_t hash64(std::string_view bytes);
std::uint64_t hash64(std::string_view bytes, std::uint64_t seed);

// XXH64 of `bytes` seeded with `seed`: the log's hash chain.
std::uint64_t chain64(std::uint64_t seed, std::string_view bytes);

}  // namespace kv::base
