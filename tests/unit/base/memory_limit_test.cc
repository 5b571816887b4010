#include "base/memory_limit.h"

#include <filesystem>
#include <fstream>
#include <string>

#include <doctest/doctest.h>

#include "tests/support/scratch_dir.h"

using kv::base::memory_limit;

namespace {

constexpr std::uint64_t kMachine = 8'000'000'000;

// The files of /proc and /sys that matter.
struct System {
  kv::test::ScratchDir scratch;
  void write(const std::string& path, const std::string& text) const {
    const std::filesystem::path full = scratch.path() + path;
    std::filesystem::create_directories(full.parent_path());
    std::ofstream(full) << text;
  }
  std::uint64_t limit() const { return memory_limit(scratch.path(), kMachine); }
};

}  // namespace

TEST_CASE("without control groups the machine's memory is the limit") {
  const System system;
  CHECK(system.limit() == kMachine);
  CHECK(memory_limit() > 0);
}

TEST_CASE("cgroup v2: the least of the group's limit and those above it counts") {
  const System system;
  system.write("/proc/self/cgroup", "0::/a/b\n");
  system.write("/sys/fs/cgroup/a/b/memory.max", "max\n");
  CHECK(system.limit() == kMachine);
  system.write("/sys/fs/cgroup/a/memory.max", "1000000\n");
  CHECK(system.limit() == 1'000'000);
  system.write("/sys/fs/cgroup/a/b/memory.max", "2000000\n");
  CHECK(system.limit() == 1'000'000);
}

TEST_CASE("cgroup v1: the memory controller's group counts, and in a container the root") {
  const System system;
  system.write("/proc/self/cgroup", "5:cpu:/x\n4:cpuset,memory:/box\n0::/\n");
  system.write("/sys/fs/cgroup/memory/x/memory.limit_in_bytes", "1\n");
  system.write("/sys/fs/cgroup/memory/box/memory.limit_in_bytes", "3000000\n");
  CHECK(system.limit() == 3'000'000);
  system.write("/sys/fs/cgroup/memory/memory.limit_in_bytes", "2000000\n");
  CHECK(system.limit() == 2'000'000);
}
