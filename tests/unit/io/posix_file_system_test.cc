#include <string>
#include <sys/stat.h>
#include <unistd.h>

#include <doctest/doctest.h>

#include "io/file_system.h"
#include "tests/support/scratch_dir.h"
#include "tests/unit/io/support/file_text.h"

namespace kv::io {

TEST_CASE("a folder made in place of the process's own is found by its relative name") {
  const test::ScratchDir scratch;
  char before[4096];
  REQUIRE(::getcwd(before, sizeof before) != nullptr);
  REQUIRE(::chdir(scratch.path().c_str()) == 0);
  const auto made = posix_file_system().create_dir("x/y");
  REQUIRE(::chdir(before) == 0);
  REQUIRE_MESSAGE(made.has_value(), describe(made.error()));
  CHECK(posix_file_system().exists(scratch.path() + "/x/y").value());
}

TEST_CASE("a folder that is there is fine although the one above may not be read") {
  if (::geteuid() != 0) {
    // As root nothing is unreadable, so the test gives its rights up; anybody else has none to.
    const test::ScratchDir scratch;
    REQUIRE(posix_file_system().create_dir(scratch.path() + "/above/data").has_value());
    REQUIRE(::chmod((scratch.path() + "/above").c_str(), 0100) == 0);
    const auto made = posix_file_system().create_dir(scratch.path() + "/above/data");
    REQUIRE(::chmod((scratch.path() + "/above").c_str(), 0700) == 0);
    CHECK_MESSAGE(made.has_value(), describe(made.error()));
    return;
  }
  const test::ScratchDir scratch;
  REQUIRE(posix_file_system().create_dir(scratch.path() + "/above/data").has_value());
  REQUIRE(::chmod(scratch.path().c_str(), 0711) == 0);
  REQUIRE(::chmod((scratch.path() + "/above").c_str(), 0711) == 0);
  REQUIRE(::seteuid(65534) == 0);
  const auto made = posix_file_system().create_dir(scratch.path() + "/above/data");
  const auto synced = posix_file_system().sync_dir(scratch.path() + "/above");
  REQUIRE(::seteuid(0) == 0);
  CHECK_MESSAGE(made.has_value(), describe(made.error()));
  REQUIRE(!synced.has_value());
  CHECK(synced.error().cause == std::errc::permission_denied);
  CHECK(synced.error().context == "open directory " + scratch.path() + "/above");
}

}  // namespace kv::io
