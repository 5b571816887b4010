#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/damage.h"
#include "engine/key_order.h"
#include "format/hint.h"

namespace kv::engine {

// Collects what a scan finds and gives it back as a hint's content: each key once, with its newest
// record, sorted. One thread.
class SegmentKeys {
 public:
  void add(const ScannedRecord& record);
  // A key whose record is damaged, so that whoever asks for it reads the damage and is told, and
  // another's copy fits in its place.
  void add_damaged(const DamagedRange::Key& key);
  std::string hint(const format::HintBinding& binding) &&;

 private:
  struct Entry {
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
  void prefetch(std::size_t i) const;

  std::string keys_;
  std::vector<Entry> entries_;
  KeyOrder order_;
};

}  // namespace kv::engine
