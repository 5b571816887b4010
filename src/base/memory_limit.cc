#include "base/memory_limit.h"

#include <algorithm>
#include <fstream>
#include <optional>
#include <string_view>
#include <unistd.h>

namespace kv::base {

namespace {

std::uint64_t machine_memory() {
  const long pages = ::sysconf(_SC_PHYS_PAGES);
  const long page_size = ::sysconf(_SC_PAGESIZE);
  return static_cast<std::uint64_t>(pages) * static_cast<std::uint64_t>(page_size);
}

// The file's number; UINT64_MAX when there is none ("max", no such file).
std::uint64_t limit_in(const std::string& path) {
  std::ifstream file(path);
  std::uint64_t limit = 0;
  return file >> limit ? limit : UINT64_MAX;
}

// Of the group and all above it.
std::uint64_t least_limit(const std::string& mount, std::string group, std::string_view name) {
  std::uint64_t least = UINT64_MAX;
  for (;;) {
    least = std::min(least, limit_in(mount + group + "/" + std::string(name)));
    const std::size_t slash = group.rfind('/');
    if (slash == std::string::npos || group.empty()) return least;
    group.resize(slash);
  }
}

}  // namespace

std::uint64_t memory_limit(const std::string& root, std::uint64_t machine) {
  std::uint64_t limit = machine;
  std::ifstream groups(root + "/proc/self/cgroup");
  // Lines of hierarchy number, controllers, group; of cgroup v2: 0, nothing, group.
  for (std::string line; std::getline(groups, line);) {
    const std::size_t first = line.find(':');
    const std::size_t second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const std::string controllers = "," + line.substr(first + 1, second - first - 1) + ",";
    const std::string group = line.substr(second + 1);
    if (controllers == ",,") {
      limit = std::min(limit, least_limit(root + "/sys/fs/cgroup", group, "memory.max"));
    } else if (controllers.find(",memory,") != std::string::npos) {
      limit = std::min(limit,
                       least_limit(root + "/sys/fs/cgroup/memory", group, "memory.limit_in_bytes"));
    }
  }
  return limit;
}

std::uint64_t memory_limit() { return memory_limit("", machine_memory()); }

}  // namespace kv::base
