#pragma once

#include <cstdint>
#include <string>

namespace kv::base {

// Bytes of memory this process may use: the machine's, or less where its control group says so
// (cgroup v1 and v2, the group itself and those above it). Any thread.
std::uint64_t memory_limit();
// The same, with the files of /proc and /sys below `root`. For tests.
std::uint64_t memory_limit(const std::string& root, std::uint64_t machine);

}  // namespace kv::base
