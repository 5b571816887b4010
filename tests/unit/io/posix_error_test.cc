#include "io/posix_error.h"

#include <cerrno>

#include <doctest/doctest.h>

namespace kv::io {

TEST_CASE("a full disk and a full quota are no space, anything else is an input or output error") {
  for (const int number : {ENOSPC, EDQUOT}) {
    errno = number;
    CHECK(posix_error("write", "/d/a").code == Errc::kNoSpace);
  }
  for (const int number : {EIO, EROFS, EACCES, EFBIG}) {
    errno = number;
    CHECK(posix_error("write", "/d/a").code == Errc::kIo);
  }
}

TEST_CASE("an error says operation, file, offset and the system's reason") {
  errno = EIO;
  CHECK(describe(posix_error("sync", "/d/a")) == "sync /d/a: Input/output error");
  errno = ENOSPC;
  CHECK(describe(posix_error_at("write", "/d/a", 512)) ==
        "write /d/a at 512: No space left on device");
}

}  // namespace kv::io
