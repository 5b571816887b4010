#include "cli/value_argument.h"

#include <fstream>
#include <unistd.h>

#include <doctest/doctest.h>

#include "support/scratch_dir.h"

using kv::Errc;
using kv::cli::value_of_argument;

namespace {

std::string write_file(const kv::test::ScratchDir& dir, const std::string& bytes) {
  const std::string name = dir.path() + "/value";
  std::ofstream(name, std::ios::binary) << bytes;
  return name;
}

}  // namespace

TEST_CASE("an argument is the value itself, an at sign in front names a file") {
  CHECK(value_of_argument("hello", 5) == "hello");
  CHECK(value_of_argument("", 5) == "");
  CHECK(value_of_argument("a@b", 5) == "a@b");
  const kv::test::ScratchDir dir;
  const std::string bytes("\0\r\n\xff-", 5);
  CHECK(value_of_argument("@" + write_file(dir, bytes), 5) == bytes);
  CHECK(value_of_argument("@" + write_file(dir, ""), 5) == "");
}

TEST_CASE("a file larger than a value may be is refused, whatever its size") {
  const kv::test::ScratchDir dir;
  const auto value = value_of_argument("@" + write_file(dir, "123456"), 5);
  REQUIRE(!value);
  CHECK(value.error().code == Errc::kInvalidArgument);
  CHECK(value.error().context.find("is larger than 5 bytes") != std::string::npos);
  const auto endless = value_of_argument("@/dev/zero", 3'000'000);
  REQUIRE(!endless);
  CHECK(endless.error().context.find("/dev/zero is larger than") == 0);
}

TEST_CASE("a file that steps of a megabyte end within is read whole") {
  const kv::test::ScratchDir dir;
  for (const std::size_t size : {1048575u, 1048576u, 1048577u, 2097152u}) {
    const std::string bytes(size, 'x');
    CHECK(value_of_argument("@" + write_file(dir, bytes), size) == bytes);
  }
}

TEST_CASE("a file that cannot be read is named with the reason") {
  const auto missing = value_of_argument("@/no/such/file", 5);
  REQUIRE(!missing);
  CHECK(describe(missing.error()) == "cannot read /no/such/file: No such file or directory");
  const auto folder = value_of_argument("@/", 5);
  REQUIRE(!folder);
  CHECK(describe(folder.error()) == "cannot read /: Is a directory");
}
