#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "format/record.h"

namespace kv::format {

// What a store holds at one point of its log, in numbers that are the same on every node that holds
// the same (rule A3 of the protocol): for each bucket of keys the sum of the hashes of their newest
// records. In sums, as every node has its records in other places and merges them in another order.
struct StateFingerprint {
  static constexpr std::size_t kBuckets = 4096;
  std::uint64_t keys = 0;
  std::array<std::uint64_t, kBuckets> sums{};

  // The newest record of one more key. Its header's checksum stands for the value.
  void add(std::string_view key, const RecordHeader& header);
  friend bool operator==(const StateFingerprint&, const StateFingerprint&) = default;
};
std::size_t differing_buckets(const StateFingerprint& a, const StateFingerprint& b);

}  // namespace kv::format
