#pragma once

#include <cstdint>

namespace kv::cli {

// Raises the process's soft limit of open files to the hard one, and tells what it is now.
std::uint64_t raise_descriptor_limit();

// How many descriptors of a server are for what.
struct DescriptorShares {
  std::uint32_t connections = 0;
  std::uint32_t segments = 0;  // kept open
};
// What `limit` allows of the `wanted` ones, with some left over for everything else. A server that
// ran out of them could neither accept nor make a segment.
DescriptorShares share_descriptors(std::uint64_t limit, DescriptorShares wanted);

}  // namespace kv::cli
