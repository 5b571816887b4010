#pragma once

#include <cstdint>
#include <string>

namespace kv::node {

// What became of records that this node's disk lost, after one look for them: for a log.
struct RepairNews {
  std::uint64_t put_back = 0;  // records
  std::uint64_t bytes = 0;
  std::string segment;  // path of one in which they were
  // Newest records of keys that cannot be read still: where the first one lies, and why nobody's
  // copy took its place.
  std::uint64_t left = 0;
  std::string left_segment;
  std::uint64_t left_offset = 0;
  std::string cause;
};

}  // namespace kv::node
