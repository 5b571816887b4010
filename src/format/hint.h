#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "kv/result.h"

#include "format/filter.h"
#include "format/record.h"
#include "format/segment.h"

namespace kv::format {

// What a hint says of one key: its newest record in the segment.
struct HintEntry {
  std::string_view key;
  std::uint64_t sequence = 0;
  std::uint64_t offset = 0;  // of the record, in the segment
  std::uint32_t value_size = 0;
  RecordType type = RecordType::kPut;  // kPut or kDelete
};

// What ties a hint to exactly one state of one segment.
struct HintBinding {
  SegmentId segment{};
  std::uint64_t salt = 0;          // of the segment
  std::uint64_t segment_size = 0;  // bytes
  std::uint64_t first_sequence = 0;
  std::uint64_t last_sequence = 0;
  std::uint64_t records = 0;
  std::uint64_t end_chain = 0;
  bool operator==(const HintBinding&) const = default;
};

// Builds the content of a hint file: a header (magic, version, binding, sizes and checksums of the two
// parts, checksum of itself), the entries sorted by key, the key filter.
class HintBuilder {
 public:
  explicit HintBuilder(const HintBinding& binding);
  // In ascending key order, each key once.
  void add(const HintEntry& entry);
  std::string finish() &&;
 private:
  HintBinding binding_;
  std::string entries_;
  FilterBuilder filter_;
  std::uint64_t count_ = 0;
};

// Reads entries one after the other from a hint's content, which it does not own.
class HintReader {
 public:
  // kCorruption when any checksum, size or order fails; kNewerFormat. All checks happen here, once.
  static Result<HintReader> open(std::string_view content);

  const HintBinding& binding() const { return binding_; }
  std::uint64_t count() const { return count_; }
  // false at the end.
  bool next(HintEntry& entry);
  std::string_view filter() const { return filter_; }

 private:
  HintReader() = default;
  HintBinding binding_;
  std::uint64_t count_ = 0;
  std::string_view entries_;
  std::string_view filter_;
  std::size_t at_ = 0;
};

}  // namespace kv::format
