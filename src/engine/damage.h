#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/segment_window.h"
#include "kv/result.h"

namespace kv::engine {

// One put or delete found in a segment; members of batches stand alone here.
struct ScannedRecord {
  std::string_view key;
  std::uint64_t sequence = 0;
  std::uint64_t offset = 0;
  std::uint32_t value_size = 0;
  format::RecordType type = format::RecordType::kPut;
};
using RecordVisitor = std::function<void(const ScannedRecord&)>;

// A range whose bytes are not what was written, and whose keys were in it as far as that can be
// told: a record damaged in one field still gives its key away (header sound, or key checksum, or
// body checksum).
struct DamagedRange {
  struct Key {
    std::string key;
    std::uint64_t offset = 0;    // of its record
    std::uint64_t sequence = 0;  // the highest it can have had; UINT64_MAX: unknown
    // By what is left of the record: with the key's size it makes the size that the record had, if
    // its header is sound, or nothing but the header's size is damaged. 0: unknown.
    std::uint32_t value_size = 0;
  };
  // A record with damaged key bytes and a sound header.
  struct Fingerprint {
    std::uint32_t key_size = 0;
    std::uint32_t key_crc = 0;
    std::uint64_t sequence = 0;
  };

  std::uint64_t offset = 0;
  std::uint64_t size = 0;
  std::uint64_t first_sequence = 0;  // of the records that were there
  std::uint64_t last_sequence = 0;   // no record in it has a higher one; 0: unknown
  bool is_dense = true;              // each sequence once, in order; not so in a merged segment
  std::vector<Key> keys;
  std::vector<Fingerprint> fingerprints;
  bool is_blind = false;  // there may be keys in it that neither list names
};

// Hands the members of an intact or partly damaged batch at `offset` to `visit`, and what is
// damaged of it to `range` (null: nothing may be).
void visit_batch(std::string_view body, std::uint64_t offset, std::uint64_t sequence,
                 const RecordVisitor& visit, DamagedRange* range);

// Fills in keys, fingerprints and is_blind of `range`, the rest of which is set. Members
// of damaged batches that are intact themselves go to `visit`: their batch was synced.
Result<void> identify_damage(SegmentWindow& window, DamagedRange& range,
                             const RecordVisitor& visit);

}  // namespace kv::engine
