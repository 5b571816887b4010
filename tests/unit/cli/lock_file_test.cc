#include "cli/lock_file.h"

#include <fcntl.h>
#include <fstream>
#include <sys/file.h>
#include <unistd.h>

#include <doctest/doctest.h>

#include "support/scratch_dir.h"

using namespace kv::cli;
using kv::test::ScratchDir;

namespace {

// Another server, as far as the lock tells.
class OtherServer {
 public:
  OtherServer(const ScratchDir& dir, const std::string& text)
      : fd_(::open((dir.path() + "/LOCK").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)) {
    REQUIRE(::flock(fd_, LOCK_EX | LOCK_NB) == 0);
    REQUIRE(::write(fd_, text.data(), text.size()) == static_cast<ssize_t>(text.size()));
  }
  ~OtherServer() { ::close(fd_); }
  OtherServer(const OtherServer&) = delete;
  OtherServer& operator=(const OtherServer&) = delete;

 private:
  const int fd_;
};

}  // namespace

TEST_CASE("who holds a data directory is what its lock file says") {
  const ScratchDir dir;
  const OtherServer other(dir, holder_text({4242, "127.0.0.1:7400", "2026-11-21T10:02:00Z"}));
  const auto holder = find_holder(dir.path());
  REQUIRE(holder);
  CHECK(holder->pid == 4242);
  CHECK(holder->address == "127.0.0.1:7400");
  CHECK(holder->since == "2026-11-21T10:02:00Z");
}

TEST_CASE("a file that nobody holds the lock of says nothing, though it is still there") {
  const ScratchDir dir;
  CHECK(!find_holder(dir.path()));
  { const OtherServer other(dir, holder_text({4242, "127.0.0.1:7400", "now"})); }
  CHECK(!find_holder(dir.path()));
  CHECK(!find_holder(dir.path() + "/none"));
}

TEST_CASE("who holds a directory is told in words") {
  CHECK(in_use_text("./d", {4242, "127.0.0.1:7400", "now"}) ==
        "./d is in use by kv pid 4242 on 127.0.0.1:7400 since now");
  const ScratchDir dir;
  const OtherServer other(dir, "kv backup\n");
  const auto holder = find_holder(dir.path());
  REQUIRE(holder);
  CHECK_FALSE(holder->is_server());
  CHECK(in_use_text("./d", *holder) == "./d is in use by another process: kv backup");
  CHECK(in_use_text("./d", {}) == "./d is in use by another process");
}

TEST_CASE("a holder that has not said who it is, is a holder") {
  const ScratchDir dir;
  const OtherServer other(dir, "");
  const auto holder = find_holder(dir.path());
  REQUIRE(holder);
  CHECK(holder->pid == 0);
}

TEST_CASE("looking does not take the lock") {
  const ScratchDir dir;
  { const OtherServer first(dir, ""); }
  CHECK(!find_holder(dir.path()));
  const OtherServer second(dir, "");  // would fail if the look had kept it
  CHECK(find_holder(dir.path()));
}

TEST_CASE("waiting ends at once when it is free, and gives up when it stays held") {
  const ScratchDir dir;
  CHECK(wait_until_free(dir.path(), 3600));
  const OtherServer other(dir, "");
  CHECK(!wait_until_free(dir.path(), 0));
}
