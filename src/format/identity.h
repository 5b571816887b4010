#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/uuid.h"
#include "kv/result.h"

namespace kv::format {

// 2 says which member of which cluster it is; who is in none is written as 1, which older programs
// read.
inline constexpr std::uint32_t kDatabaseFormatVersion = 2;

// Who a data directory is: a few `name=value` lines and a checksum line, readable with cat.
struct Identity {
  std::string database_id;     // 32 hex digits, random, made once
  base::Uuid node_uuid = {};   // random, made with the directory: a wiped disk is another node
  base::Uuid cluster_id = {};  // nil: in no cluster
  std::uint64_t node_id = 0;   // in that cluster; 0 only without one
};
std::string encode_identity(const Identity& identity);
Result<Identity> decode_identity(std::string_view text);  // kCorruption or kNewerFormat
std::uint64_t database_id_hash(const Identity& identity);

// CURRENT: the number of the live MANIFEST, as "MANIFEST-000012 <crc>\n".
std::string encode_current(std::uint64_t manifest_number);
Result<std::uint64_t> decode_current(std::string_view text);

}  // namespace kv::format
