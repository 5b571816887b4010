#pragma once

#include <cstdint>

#include "kv/options.h"

namespace kv::protocol {

// What a server takes, announced by HELLO. Sizes in bytes.
struct Limits {
  std::uint32_t header_max = 4096;
  std::uint32_t subheader_max = 64;
  std::uint32_t key_max = kKeySizeMax;
  std::uint32_t value_max = kValueSizeMax;
  std::uint32_t batch_max = kBatchCountMax;       // operations of one BPUT
  std::uint64_t batch_bytes_max = kBatchSizeMax;  // keys and values of one BPUT
  std::uint64_t discard_max =
      128ull * 1024 * 1024;  // a refused payload up to this is read and dropped
  std::uint32_t range_limit_default = 1000;
  std::uint32_t range_limit_max = 1'000'000;
  std::uint32_t inflight_max = 1024;  // requests of one connection under way
};

}  // namespace kv::protocol
