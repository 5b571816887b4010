#include "io/posix_retry.h"

#include <cstdio>
#include <fcntl.h>
#include <filesystem>
#include <string>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>
#include <vector>

#include <doctest/doctest.h>

#include "io/file_system.h"
#include "tests/support/scratch_dir.h"
#include "tests/unit/io/support/file_text.h"

namespace {

// How often each of the calls below is still interrupted, and how often it was.
int to_interrupt = 0;
int interrupted = 0;
bool writes_nothing = false;
std::vector<std::string> synced;  // by fsync

bool is_interrupted() {
  if (to_interrupt == 0) return false;
  --to_interrupt;
  ++interrupted;
  errno = EINTR;
  return true;
}

template <class... Arguments>
int call(long number, Arguments... arguments) {
  if (is_interrupted()) return -1;
  return static_cast<int>(::syscall(number, arguments...));
}

}  // namespace

// These take the place of the C library's in this test program, for signals cannot be made to meet
// a system call and no kernel writes zero bytes on request.
extern "C" {
int fsync(int fd) {
  synced.push_back(std::filesystem::read_symlink("/proc/self/fd/" + std::to_string(fd)));
  return call(SYS_fsync, fd);
}
int fdatasync(int fd) { return call(SYS_fdatasync, fd); }
int ftruncate(int fd, off_t size) noexcept { return call(SYS_ftruncate, fd, size); }
int flock(int fd, int operation) noexcept { return call(SYS_flock, fd, operation); }
int rename(const char* from, const char* to) noexcept { return call(SYS_rename, from, to); }
int unlink(const char* path) noexcept { return call(SYS_unlink, path); }
int mkdir(const char* path, mode_t mode) noexcept { return call(SYS_mkdir, path, mode); }
ssize_t pwritev(int fd, const iovec* pieces, int count, off_t offset) {
  if (writes_nothing) return 0;
  if (is_interrupted()) return -1;
  return ::syscall(SYS_pwritev, fd, pieces, count, offset, 0L);
}
}

namespace kv::io {

TEST_CASE("a call is repeated while signals interrupt it, and not after any other error") {
  int calls = 0;
  CHECK(retry([&] {
          errno = EINTR;
          return ++calls < 4 ? -1 : 7;
        }) == 7);
  CHECK(calls == 4);
  CHECK(retry([&] {
          ++calls;
          errno = EIO;
          return -1;
        }) == -1);
  CHECK(calls == 5);
}

TEST_CASE("no operation fails for a signal") {
  const test::ScratchDir scratch;
  FileSystem& fs = posix_file_system();
  const std::string dir = scratch.path() + "/d";
  const std::string path = scratch.path() + "/a";
  const auto file = create_file(fs, path);
  const std::string_view pieces[] = {"text"};
  interrupted = 0;
  to_interrupt = 2;
  SUBCASE("write") { CHECK(file->write_at(0, pieces).has_value()); }
  SUBCASE("sync") { CHECK(file->sync().has_value()); }
  SUBCASE("truncate") { CHECK(file->truncate(1).has_value()); }
  SUBCASE("rename") { CHECK(fs.rename(path, path + "b").has_value()); }
  SUBCASE("remove") { CHECK(fs.remove(path).has_value()); }
  SUBCASE("create a folder") { CHECK(fs.create_dir(dir).has_value()); }
  SUBCASE("sync a folder") { CHECK(fs.sync_dir(scratch.path()).has_value()); }
  SUBCASE("lock") { CHECK(fs.lock(path, "me").has_value()); }
  CHECK(interrupted == 2);
  to_interrupt = 0;
}

TEST_CASE("of folders made at once each is synced in the one above") {
  const test::ScratchDir scratch;
  synced.clear();
  REQUIRE(posix_file_system().create_dir(scratch.path() + "/x/y/z").has_value());
  CHECK(synced ==
        std::vector<std::string>{scratch.path(), scratch.path() + "/x", scratch.path() + "/x/y"});
}

TEST_CASE("a write that the system takes nothing of fails instead of going on for ever") {
  const test::ScratchDir scratch;
  const auto file = create_file(posix_file_system(), scratch.path() + "/a");
  const std::string_view pieces[] = {"text"};
  writes_nothing = true;
  const auto written = file->write_at(3, pieces);
  writes_nothing = false;
  REQUIRE(!written.has_value());
  CHECK(written.error().code == Errc::kIo);
  CHECK(written.error().context == "write " + scratch.path() + "/a at 3");
}

}  // namespace kv::io
