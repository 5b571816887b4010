#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/data_directory.h"
#include "engine/segment_table.h"

namespace kv::engine {

// Whether a merge may leave out a delete. It must keep it as long as a segment outside the merge
// may hold an older record of the key, which would come back at the next start. A segment is out of
// the question when all its records are newer, or when the key filter in its hint says that the key
// is not in it; one with damage, without a hint or not yet sealed never is. (Inputs of the merge do
// not count: what they hold of the key goes with them.)
//
// Filters are read when the first delete comes by. One thread; lives as long as one merge.
class TombstoneRule {
 public:
  // `others`: all segments that are not inputs.
  TombstoneRule(DataDirectory& dir, std::vector<std::shared_ptr<Segment>> others)
      : dir_(dir), others_(std::move(others)) {}

  bool may_drop(std::string_view key, std::uint64_t sequence);

 private:
  struct Other {
    std::uint64_t first_sequence = 0;
    std::optional<std::string> filter;  // none: may hold any key
  };
  void load();

  DataDirectory& dir_;
  const std::vector<std::shared_ptr<Segment>> others_;
  std::optional<std::vector<Other>> loaded_;  // oldest first
};

}  // namespace kv::engine
