#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "kv/result.h"

namespace kv::format {

inline constexpr std::uint32_t kDatabaseFormatVersion = 1;

// Who a data directory is: a few `name=value` lines and a checksum line, readable with cat.
struct Identity {
  std::string database_id;  // 32 hex digits, random, made once
  std::string node_id;      // 32 hex digits
  std::uint32_t format_version = kDatabaseFormatVersion;
};
std::string encode_identity(const Identity& identity);
Result<Identity> decode_identity(std::string_view text);  // kCorruption or kNewerFormat
std::uint64_t database_id_hash(const Identity& identity);

// CURRENT: the number of the live MANIFEST, as "MANIFEST-000012 <crc>\n".
std::string encode_current(std::uint64_t manifest_number);
Result<std::uint64_t> decode_current(std::string_view text);

}  // namespace kv::format
