#include <filesystem>
#include <string>

#include <doctest/doctest.h>

#include "io/file_system.h"
#include "tests/unit/io/support/file_text.h"
#include "tests/unit/io/support/subjects.h"

namespace kv::io {

TEST_CASE_TEMPLATE("a whole file is replaced and read, whatever its size", T, KV_FILE_SYSTEMS) {
  T subject;
  const std::string path = subject.dir() + "/CURRENT";
  for (const std::size_t size : {3U, 0U, 70'000U, 1U}) {
    CAPTURE(size);
    const std::string content(size, 'c');
    REQUIRE(replace_file(subject.fs(), path, content).has_value());
    CHECK(read_file(subject.fs(), path).value() == content);
    CHECK(subject.fs().list(subject.dir()).value() == std::vector<std::string>{"CURRENT"});
  }
}

TEST_CASE_TEMPLATE("what a crash left of an earlier replacement does no harm", T, KV_FILE_SYSTEMS) {
  T subject;
  const std::string path = subject.dir() + "/CURRENT";
  create_file(subject.fs(), path + ".tmp", "half of something much longer");
  REQUIRE(replace_file(subject.fs(), path, "new").has_value());
  CHECK(content_of(subject.fs(), path) == "new");
  CHECK(content_of(subject.fs(), path + ".tmp") == "-");
}

TEST_CASE_TEMPLATE("a replacement that fails says where", T, KV_FILE_SYSTEMS) {
  T subject;
  const std::string path = subject.dir() + "/missing/CURRENT";
  const auto replaced = replace_file(subject.fs(), path, "new");
  REQUIRE(!replaced.has_value());
  CHECK(replaced.error().context == "create " + path + ".tmp");
}

TEST_CASE("a file is replaced in the folder the process works in") {
  const test::ScratchDir scratch;
  const auto before = std::filesystem::current_path();
  std::filesystem::current_path(scratch.path());
  const auto replaced = replace_file(posix_file_system(), "CURRENT", "here");
  std::filesystem::current_path(before);
  REQUIRE_MESSAGE(replaced.has_value(), describe(replaced.error()));
  CHECK(content_of(posix_file_system(), scratch.path() + "/CURRENT") == "here");
}

}  // namespace kv::io
