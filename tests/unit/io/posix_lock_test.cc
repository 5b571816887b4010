#include "io/posix_lock.h"

#include <sys/wait.h>
#include <unistd.h>

#include <doctest/doctest.h>

#include "tests/support/scratch_dir.h"

namespace kv::io {

TEST_CASE("a lock ends with its process, however that dies") {
  const test::ScratchDir scratch;
  const std::string path = scratch.path() + "/LOCK";
  int ready[2];
  REQUIRE(::pipe(ready) == 0);
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    const auto held = PosixLock::take(path, "the child");
    const char told = held.has_value() ? 'y' : 'n';
    if (::write(ready[1], &told, 1) != 1) ::_exit(1);
    for (;;) ::pause();
  }
  ::close(ready[1]);
  char told = '?';
  REQUIRE(::read(ready[0], &told, 1) == 1);
  ::close(ready[0]);
  CHECK(told == 'y');
  const auto refused = PosixLock::take(path, "the parent");
  CHECK(::kill(child, SIGKILL) == 0);
  int status = 0;
  CHECK(::waitpid(child, &status, 0) == child);

  REQUIRE(!refused.has_value());
  CHECK(refused.error().code == Errc::kLocked);
  CHECK(refused.error().context == path + " is held by another process: the child");
  CHECK(PosixLock::take(path, "the parent").has_value());
}

TEST_CASE("a lock that is taken on a full disk is held without its text") {
  const auto lock = PosixLock::take("/dev/full", "me");
  CHECK_MESSAGE(lock.has_value(), describe(lock.error()));
}

}  // namespace kv::io
