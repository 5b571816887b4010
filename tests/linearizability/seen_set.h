#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace kv::linearizability {

// A set of short rows of words, kept one behind the other. Rows with the same hash are told apart
// by their words. One thread.
class SeenSet {
 public:
  SeenSet();
  // Whether it is new.
  bool insert(std::span<const std::uint64_t> row);
  std::size_t size() const { return rows_.size(); }

 private:
  struct Row {
    std::uint64_t hash;
    std::size_t at;  // in words_
    std::size_t size;
  };
  bool is_same(const Row& row, std::uint64_t hash, std::span<const std::uint64_t> words) const;
  void grow();

  std::vector<std::uint64_t> words_;
  std::vector<Row> rows_;
  std::vector<std::uint32_t> slots_;  // 1 + a place in rows_; 0: free. A power of 2 of them
};

}  // namespace kv::linearizability
