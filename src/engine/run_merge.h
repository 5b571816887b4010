#pragma once

#include <cstdint>
#include <vector>

#include "format/hint.h"

namespace kv::engine {

// Joins the sorted keys of many segments into one ascending sequence in which each key comes once,
// with the entry of the highest sequence: what the index of the whole database is. (Knuth, TAOCP
// 3, 5.4.1.)
class RunMerge {
 public:
  // Readers at their beginning.
  explicit RunMerge(std::vector<format::HintReader> runs);

  // The next key's newest entry, and which run it came from. False at the end.
  bool next(format::HintEntry& entry, std::size_t& run);

 private:
  struct Head {
    std::uint64_t prefix = 0;
    format::HintEntry entry;
    std::size_t run = 0;
  };
  bool comes_later(const Head& a, const Head& b) const;
  bool refill(Head& head);  // with its run's next entry
  void advance();           // refills the head that is in front, or drops it

  std::vector<format::HintReader> runs_;
  std::size_t skip_ = 0;     // bytes that all keys begin with, alike: prefixes lie behind them
  std::vector<Head> heads_;  // a heap, the smallest key in front and of equal keys the newest
};

}  // namespace kv::engine
