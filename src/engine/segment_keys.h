#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/damage.h"
#include "format/hint.h"

namespace kv::engine {

// Collects what a scan finds and gives it back as a hint's content: each key once, with its newest
// record, sorted. One thread.
class SegmentKeys {
 public:
  void add(const ScannedRecord& record);
  // A key whose record is damaged, so that whoever asks for it reads the damage and is told.
  void add_damaged(const DamagedRange::Key& key);
  std::string hint(const format::HintBinding& binding) &&;

 private:
  struct Entry {
    std::uint64_t prefix;  // first 8 key bytes as a big-endian number: most comparisons end here
    std::uint64_t key_at;
    std::uint64_t sequence;
    std::uint64_t offset;
    std::uint32_t key_size;
    std::uint32_t value_size;
    format::RecordType type;
  };
  std::string_view key_of(const Entry& entry) const {
    return std::string_view(keys_).substr(entry.key_at, entry.key_size);
  }
  std::string keys_;
  std::vector<Entry> entries_;
};

// First 8 bytes of the key as a number that compares as the bytes do; shorter keys are filled with
// zeros.
std::uint64_t key_prefix(std::string_view key);

}  // namespace kv::engine
