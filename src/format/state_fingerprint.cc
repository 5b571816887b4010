#include "format/state_fingerprint.h"

#include "base/checksum.h"
#include "base/endian.h"

namespace kv::format {

void StateFingerprint::add(std::string_view key, const RecordHeader& header) {
  char version[20];
  base::store_le(version, header.term);
  base::store_le(version + 8, header.sequence);
  base::store_le(version + 16, header.body_crc);
  const std::uint64_t hash = base::chain64(0, key);
  sums.at(hash % kBuckets) += base::chain64(hash, {version, sizeof version});
  keys += 1;
}

std::size_t differing_buckets(const StateFingerprint& a, const StateFingerprint& b) {
  std::size_t count = 0;
  for (std::size_t i = 0; i < StateFingerprint::kBuckets; ++i) {
    if (a.sums.at(i) != b.sums.at(i)) count += 1;
  }
  return count;
}

}  // namespace kv::format
