#include "io/posix_file.h"

#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <string>
#include <sys/resource.h>
#include <sys/stat.h>

#include <doctest/doctest.h>

#include "tests/support/scratch_dir.h"
#include "tests/unit/io/support/file_text.h"

namespace kv::io {

TEST_CASE("a full device is told as such") {
  const auto full = open_file(posix_file_system(), "/dev/full", OpenMode::kReadWrite);
  const std::string_view pieces[] = {"some", "bytes"};
  const auto written = full->write_at(40, pieces);
  REQUIRE(!written.has_value());
  CHECK(written.error().code == Errc::kNoSpace);
  CHECK(written.error().cause == std::errc::no_space_on_device);
  CHECK(written.error().context == "write /dev/full at 40");
}

TEST_CASE("a write the system takes only a part of names the offset where it stopped") {
  // A limit on the size of files cuts a write short just as a disk does that runs full half way.
  const test::ScratchDir scratch;
  const std::string path = scratch.path() + "/a";
  const auto file = create_file(posix_file_system(), path);
  const auto previous_action = std::signal(SIGXFSZ, SIG_IGN);
  rlimit previous{};
  REQUIRE(::getrlimit(RLIMIT_FSIZE, &previous) == 0);
  rlimit limit = previous;
  limit.rlim_cur = 10'000;
  REQUIRE(::setrlimit(RLIMIT_FSIZE, &limit) == 0);
  const std::string text(6'000, 'x');
  const std::string_view pieces[] = {text, text};
  const auto written = file->write_at(0, pieces);
  REQUIRE(::setrlimit(RLIMIT_FSIZE, &previous) == 0);
  static_cast<void>(std::signal(SIGXFSZ, previous_action));

  REQUIRE(!written.has_value());
  CHECK(written.error().code == Errc::kIo);
  CHECK(written.error().cause == std::errc::file_too_large);
  CHECK(written.error().context == "write " + path + " at 10000");
  CHECK(file->size().value() == 10'000);
}

TEST_CASE("a read that may not wait defers what is not in memory, and only that") {
  const test::ScratchDir scratch;
  const std::string path = scratch.path() + "/a";
  const std::string text(1 << 20, 'x');
  const auto file = create_file(posix_file_system(), path, text);
  REQUIRE(file->sync().has_value());
  std::string bytes(text.size(), '?');
  const auto warm = file->read_at(0, bytes.data(), bytes.size(), ReadMode::kNoWait);
  REQUIRE_MESSAGE(warm.has_value(), describe(warm.error()));
  CHECK(bytes == text);

  // Advice only: where the system does not follow it, everything stays in memory.
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  REQUIRE(fd >= 0);
  CHECK(::posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED) == 0);
  ::close(fd);
  bytes.assign(text.size(), '?');
  const auto cold = file->read_at(0, bytes.data(), bytes.size(), ReadMode::kNoWait);
  if (cold.has_value()) {
    MESSAGE("the system kept the file in memory");
  } else {
    CHECK(cold.error().code == Errc::kWouldBlock);
    CHECK(cold.error().context.find(path) != std::string::npos);
  }
  CHECK(text_at(*file, 0, text.size()) == text);
}

TEST_CASE("where the system cannot tell what is in memory, a read that may not wait reads") {
  // /proc knows no RWF_NOWAIT.
  const auto file = open_file(posix_file_system(), "/proc/version", OpenMode::kRead);
  std::string bytes(5, '?');
  const auto got = file->read_at(0, bytes.data(), bytes.size(), ReadMode::kNoWait);
  REQUIRE_MESSAGE(got.has_value(), describe(got.error()));
  CHECK(bytes == "Linux");
}

TEST_CASE("a read the system refuses names file and offset") {
  const test::ScratchDir scratch;
  const auto dir = open_file(posix_file_system(), scratch.path(), OpenMode::kRead);
  char byte = 0;
  for (const ReadMode mode : {ReadMode::kMayBlock, ReadMode::kNoWait}) {
    const auto got = dir->read_at(12, &byte, 1, mode);
    REQUIRE(!got.has_value());
    CHECK(got.error().code == Errc::kIo);
    CHECK(got.error().cause == std::errc::is_a_directory);
    CHECK(got.error().context == "read " + scratch.path() + " at 12");
  }
}

TEST_CASE("descriptors are closed with their files and not passed on to other programs") {
  const test::ScratchDir scratch;
  const std::string path = scratch.path() + "/a";
  const int lowest_free = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  REQUIRE(lowest_free >= 0);
  ::close(lowest_free);
  {
    const auto file = create_file(posix_file_system(), path);
    CHECK((::fcntl(lowest_free, F_GETFD) & FD_CLOEXEC) != 0);
  }
  CHECK(::fcntl(lowest_free, F_GETFD) == -1);
  {
    const auto lock = posix_file_system().lock(path, "me");
    REQUIRE(lock.has_value());
    CHECK((::fcntl(lowest_free, F_GETFD) & FD_CLOEXEC) != 0);
    CHECK(!posix_file_system().lock(path, "me too").has_value());
  }
  CHECK(::fcntl(lowest_free, F_GETFD) == -1);
}

}  // namespace kv::io
