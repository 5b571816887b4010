#include "cli/descriptors.h"

#include <algorithm>
#include <sys/resource.h>
#include <utility>

namespace kv::cli {

namespace {

// The log's own segments, merges, hints, MANIFEST, log file, epoll, connections being refused.
constexpr std::uint64_t kOthers = 64;

}  // namespace

std::uint64_t raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return 1024;
  const rlim_t before = std::exchange(limit.rlim_cur, limit.rlim_max);
  if (::setrlimit(RLIMIT_NOFILE, &limit) != 0) return before;
  return limit.rlim_cur;
}

DescriptorShares share_descriptors(std::uint64_t limit, DescriptorShares wanted) {
  const std::uint64_t left = limit > kOthers + 2 ? limit - kOthers : 2;
  const std::uint64_t segments = std::min<std::uint64_t>(wanted.segments, left / 2);
  const std::uint64_t connections = std::min<std::uint64_t>(wanted.connections, left - segments);
  return {static_cast<std::uint32_t>(connections), static_cast<std::uint32_t>(segments)};
}

}  // namespace kv::cli
