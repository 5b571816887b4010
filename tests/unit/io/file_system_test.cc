#include "io/file_system.h"

#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "tests/unit/io/support/file_text.h"
#include "tests/unit/io/support/subjects.h"

// What every implementation promises alike, the names' side; file_test.cc has that of the contents.
namespace kv::io {

TEST_CASE_TEMPLATE("a created file is there, and cannot be created again", T, KV_FILE_SYSTEMS) {
  T subject;
  const std::string path = subject.dir() + "/a";
  CHECK(subject.fs().exists(path).value() == false);
  create_file(subject.fs(), path, "one");
  CHECK(subject.fs().exists(path).value() == true);

  const auto again = subject.fs().open(path, OpenMode::kCreate);
  REQUIRE(!again.has_value());
  CHECK(again.error().code == Errc::kIo);
  CHECK(again.error().cause == std::errc::file_exists);
  CHECK(again.error().context == "create " + path);
  CHECK(content_of(subject.fs(), path) == "one");
}

TEST_CASE_TEMPLATE("a file that is missing is an error that names it", T, KV_FILE_SYSTEMS) {
  T subject;
  FileSystem& fs = subject.fs();
  const std::string path = subject.dir() + "/missing";
  for (const OpenMode mode : {OpenMode::kRead, OpenMode::kReadWrite}) {
    const auto opened = fs.open(path, mode);
    REQUIRE(!opened.has_value());
    CHECK(opened.error().cause == std::errc::no_such_file_or_directory);
    CHECK(opened.error().context == "open " + path);
  }
  const auto removed = fs.remove(path);
  REQUIRE(!removed.has_value());
  CHECK(removed.error().cause == std::errc::no_such_file_or_directory);
  CHECK(removed.error().context == "remove " + path);
  const auto renamed = fs.rename(path, subject.dir() + "/b");
  REQUIRE(!renamed.has_value());
  CHECK(renamed.error().cause == std::errc::no_such_file_or_directory);
  CHECK(renamed.error().context == "rename " + path + " to " + subject.dir() + "/b");
  CHECK(!read_file(fs, path).has_value());
}

TEST_CASE_TEMPLATE("a folder that is missing is an error that names it", T, KV_FILE_SYSTEMS) {
  T subject;
  FileSystem& fs = subject.fs();
  const std::string dir = subject.dir() + "/missing";
  const auto listed = fs.list(dir);
  REQUIRE(!listed.has_value());
  CHECK(listed.error().cause == std::errc::no_such_file_or_directory);
  CHECK(listed.error().context == "list " + dir);
  const auto synced = fs.sync_dir(dir);
  REQUIRE(!synced.has_value());
  CHECK(synced.error().cause == std::errc::no_such_file_or_directory);
  CHECK(synced.error().context.find(dir) != std::string::npos);
  const auto created = fs.open(dir + "/a", OpenMode::kCreate);
  REQUIRE(!created.has_value());
  CHECK(created.error().cause == std::errc::no_such_file_or_directory);
  const auto locked = fs.lock(dir + "/LOCK", "me");
  REQUIRE(!locked.has_value());
  CHECK(locked.error().cause == std::errc::no_such_file_or_directory);
}

TEST_CASE_TEMPLATE("a removed file is gone by name and readable where it is open", T,
                   KV_FILE_SYSTEMS) {
  T subject;
  const std::string path = subject.dir() + "/a";
  const auto file = create_file(subject.fs(), path, "still here");
  REQUIRE(subject.fs().remove(path).has_value());
  CHECK(content_of(subject.fs(), path) == "-");
  CHECK(text_at(*file, 0, 100) == "still here");
  create_file(subject.fs(), path, "another");
  CHECK(text_at(*file, 0, 100) == "still here");
  CHECK(content_of(subject.fs(), path) == "another");
}

TEST_CASE_TEMPLATE("rename moves a file over whatever had the name", T, KV_FILE_SYSTEMS) {
  T subject;
  FileSystem& fs = subject.fs();
  const std::string from = subject.dir() + "/from";
  const std::string to = subject.dir() + "/to";
  create_file(fs, from, "new");
  SUBCASE("nothing") {}
  SUBCASE("an older file") { create_file(fs, to, "old"); }
  REQUIRE(fs.rename(from, to).has_value());
  CHECK(content_of(fs, from) == "-");
  CHECK(content_of(fs, to) == "new");
}

TEST_CASE_TEMPLATE("rename moves a file into another folder", T, KV_FILE_SYSTEMS) {
  T subject;
  FileSystem& fs = subject.fs();
  REQUIRE(fs.create_dir(subject.dir() + "/aside").has_value());
  create_file(fs, subject.dir() + "/a", "text");
  REQUIRE(fs.rename(subject.dir() + "/a", subject.dir() + "/aside/b").has_value());
  CHECK(fs.list(subject.dir()).value() == std::vector<std::string>{"aside"});
  CHECK(content_of(fs, subject.dir() + "/aside/b") == "text");
}

TEST_CASE_TEMPLATE("names are listed without their folder, in order, one level deep", T,
                   KV_FILE_SYSTEMS) {
  T subject;
  FileSystem& fs = subject.fs();
  CHECK(fs.list(subject.dir()).value().empty());
  for (const char* name : {"b", "10", "a", "9", "B"}) create_file(fs, subject.dir() + "/" + name);
  REQUIRE(fs.create_dir(subject.dir() + "/sub").has_value());
  create_file(fs, subject.dir() + "/sub/inner");
  CHECK(fs.list(subject.dir()).value() ==
        std::vector<std::string>{"10", "9", "B", "a", "b", "sub"});
}

TEST_CASE_TEMPLATE("a folder is created with its parents, once or again", T, KV_FILE_SYSTEMS) {
  T subject;
  FileSystem& fs = subject.fs();
  const std::string dir = subject.dir() + "/x/y/z";
  REQUIRE(fs.create_dir(dir).has_value());
  create_file(fs, dir + "/a", "text");
  REQUIRE(fs.create_dir(dir).has_value());
  CHECK(content_of(fs, dir + "/a") == "text");
  CHECK(fs.exists(dir).value());
  CHECK(fs.list(subject.dir() + "/x").value() == std::vector<std::string>{"y"});
  REQUIRE(fs.sync_dir(dir).has_value());
  REQUIRE(fs.create_dir(subject.dir() + "/slash/").has_value());
  CHECK(fs.exists(subject.dir() + "/slash").value());

  const auto over_file = fs.create_dir(dir + "/a");
  REQUIRE(!over_file.has_value());
  CHECK(over_file.error().cause == std::errc::not_a_directory);
  CHECK(over_file.error().context == "create directory " + dir + "/a");
}

TEST_CASE_TEMPLATE("a lock excludes every other one until it is let go", T, KV_FILE_SYSTEMS) {
  T subject;
  FileSystem& fs = subject.fs();
  const std::string path = subject.dir() + "/LOCK";
  {
    const auto held = fs.lock(path, "pid 7 at noon\n");
    REQUIRE(held.has_value());
    CHECK(content_of(fs, path) == "pid 7 at noon\n");
    const auto refused = fs.lock(path, "pid 8");
    REQUIRE(!refused.has_value());
    CHECK(refused.error().code == Errc::kLocked);
    CHECK(refused.error().context == path + " is held by another process: pid 7 at noon");
    CHECK(content_of(fs, path) == "pid 7 at noon\n");
    CHECK(fs.lock(subject.dir() + "/OTHER", "pid 8").has_value());
  }
  const auto next = fs.lock(path, "pid 9");
  REQUIRE(next.has_value());
  CHECK(content_of(fs, path) == "pid 9");
}

TEST_CASE_TEMPLATE("free space is told, and never more than there is in all", T, KV_FILE_SYSTEMS) {
  T subject;
  const auto space = subject.fs().space(subject.dir());
  REQUIRE(space.has_value());
  CHECK(space->free_bytes > 0);
  CHECK(space->free_bytes <= space->total_bytes);
  const std::string missing = subject.dir() + "/missing";
  const auto refused = subject.fs().space(missing);
  REQUIRE(!refused.has_value());
  CHECK(refused.error().context.find(missing) != std::string::npos);
}

}  // namespace kv::io
