#pragma once

#include <cstdint>
#include <string_view>

#include "format/record.h"

namespace kv::engine {

// A record of the log as replication knows it; its bytes are read back from the segments.
struct LogRecord {
  std::uint64_t term = 0;
  std::uint64_t sequence = 0;
  std::uint64_t chain = 0;  // up to and with it
  std::uint64_t size = 0;   // bytes in the log
  std::uint32_t key_size = 0;
  std::uint32_t value_size = 0;
  std::uint32_t body_crc = 0;
  format::RecordType type = format::RecordType::kPut;
};

inline LogRecord log_record(const format::RecordHeader& header, std::uint64_t chain) {
  return {header.term,     header.sequence,   chain,           format::record_size(header),
          header.key_size, header.value_size, header.body_crc, header.type};
}

// One that comes from elsewhere with its term, sequence and checksums.
struct ForeignRecord {
  format::RecordHeader header;
  std::string_view body;  // key and value
};

}  // namespace kv::engine
