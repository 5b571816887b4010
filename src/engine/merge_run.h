#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/key_order.h"
#include "engine/place.h"
#include "format/record.h"

namespace kv::engine {

// Records that a merge keeps, gathered in the order in which they lie in its inputs and handed on
// in key order (a run, as external sorting has them: Knuth, TAOCP 3, 5.4). Takes little more than
// kBytesMax of memory, if it is emptied when it is full. One thread.
class MergeRun {
 public:
  static constexpr std::uint64_t kBytesMax = 64 * 1024 * 1024;

  struct Record {
    format::RecordHeader header;
    std::string_view key;
    std::string_view value;
    Place from;
  };

  // Room for so many bytes, or for a full run; it takes memory as it is filled.
  void reserve(std::uint64_t bytes);
  void add(const Record& record);
  bool is_full() const { return size_in_memory() >= kBytesMax; }
  std::size_t size() const { return entries_.size(); }

  void sort();  // by key, and equal ones as they came
  // The views hold until the next change.
  Record record(std::size_t number) const;
  void clear();

 private:
  struct Entry {
    format::RecordHeader header;
    Place from;
    std::size_t at;  // of key and value in bytes_
  };
  std::string_view key(const Entry& entry) const {
    return std::string_view(bytes_).substr(entry.at, entry.header.key_size);
  }
  std::uint64_t size_in_memory() const {
    return bytes_.size() + entries_.size() * (sizeof(Entry) + KeyOrder::kBytesPerKey);
  }

  std::string bytes_;
  std::vector<Entry> entries_;
  KeyOrder order_;
};

}  // namespace kv::engine
