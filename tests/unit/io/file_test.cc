#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "io/file_system.h"
#include "tests/unit/io/support/file_text.h"
#include "tests/unit/io/support/subjects.h"

// What every implementation promises alike about an open file.
namespace kv::io {

TEST_CASE_TEMPLATE("a read is short only where the file ends", T, KV_FILE_SYSTEMS) {
  T subject;
  const auto file = create_file(subject.fs(), subject.dir() + "/a", "0123456789");
  CHECK(text_at(*file, 0, 10) == "0123456789");
  CHECK(text_at(*file, 3, 4) == "3456");
  CHECK(text_at(*file, 7, 100) == "789");
  CHECK(text_at(*file, 10, 100).empty());
  CHECK(text_at(*file, 1'000'000, 1).empty());
  CHECK(text_at(*file, 2, 0).empty());
  CHECK(file->path() == subject.dir() + "/a");
}

TEST_CASE_TEMPLATE("buffers are written one after the other", T, KV_FILE_SYSTEMS) {
  T subject;
  const auto file = create_file(subject.fs(), subject.dir() + "/a", "..");
  std::vector<std::string> texts;
  std::string expected = "..";
  // More than one system call takes, with empty ones first, last and in between.
  for (int i = 0; i < 3000; ++i) {
    texts.push_back(i % 7 == 0 ? "" : std::to_string(i));
    expected += texts.back();
  }
  texts.emplace_back();
  const std::vector<std::string_view> pieces(texts.begin(), texts.end());
  REQUIRE(file->write_at(2, pieces).has_value());
  CHECK(text_at(*file, 0, expected.size() + 1) == expected);
  CHECK(file->size().value() == expected.size());
}

TEST_CASE_TEMPLATE("nothing to write changes nothing", T, KV_FILE_SYSTEMS) {
  T subject;
  const auto file = create_file(subject.fs(), subject.dir() + "/a", "text");
  REQUIRE(file->write_at(100, {}).has_value());
  const std::string_view empty[] = {"", ""};
  REQUIRE(file->write_at(100, empty).has_value());
  CHECK(file->size().value() == 4);
}

TEST_CASE_TEMPLATE("writes go over, past and beyond what is there", T, KV_FILE_SYSTEMS) {
  T subject;
  const auto file = create_file(subject.fs(), subject.dir() + "/a", "abcdef");
  write_text(*file, 2, "XY");
  CHECK(text_at(*file, 0, 100) == "abXYef");
  write_text(*file, 5, "12");
  CHECK(text_at(*file, 0, 100) == "abXYe12");
  write_text(*file, 9, "!");
  CHECK(text_at(*file, 0, 100) == std::string("abXYe12\0\0!", 10));
}

TEST_CASE_TEMPLATE("truncate cuts, or grows by zeros", T, KV_FILE_SYSTEMS) {
  T subject;
  const auto file = create_file(subject.fs(), subject.dir() + "/a", "abcdef");
  REQUIRE(file->truncate(2).has_value());
  CHECK(text_at(*file, 0, 100) == "ab");
  REQUIRE(file->truncate(4).has_value());
  CHECK(text_at(*file, 0, 100) == std::string("ab\0\0", 4));
  CHECK(file->size().value() == 4);
  REQUIRE(file->truncate(0).has_value());
  CHECK(file->size().value() == 0);
}

TEST_CASE_TEMPLATE("a sync changes nothing that can be seen", T, KV_FILE_SYSTEMS) {
  T subject;
  const auto file = create_file(subject.fs(), subject.dir() + "/a", "text");
  REQUIRE(file->sync().has_value());
  REQUIRE(file->sync().has_value());
  CHECK(text_at(*file, 0, 100) == "text");
}

TEST_CASE_TEMPLATE("every handle sees what the others write", T, KV_FILE_SYSTEMS) {
  T subject;
  const std::string path = subject.dir() + "/a";
  const auto writer = create_file(subject.fs(), path, "old");
  const auto reader = open_file(subject.fs(), path, OpenMode::kRead);
  const auto second = open_file(subject.fs(), path, OpenMode::kReadWrite);
  write_text(*second, 0, "new");
  CHECK(text_at(*reader, 0, 100) == "new");
  CHECK(text_at(*writer, 0, 100) == "new");
}

TEST_CASE_TEMPLATE("what was just written can be read without waiting", T, KV_FILE_SYSTEMS) {
  T subject;
  const auto file = create_file(subject.fs(), subject.dir() + "/a", "0123456789");
  std::string bytes(100, '?');
  const auto middle = file->read_at(2, bytes.data(), 5, ReadMode::kNoWait);
  REQUIRE_MESSAGE(middle.has_value(), describe(middle.error()));
  CHECK(bytes.substr(0, *middle) == "23456");
  const auto past_end = file->read_at(8, bytes.data(), 100, ReadMode::kNoWait);
  REQUIRE(past_end.has_value());
  CHECK(bytes.substr(0, *past_end) == "89");
}

TEST_CASE_TEMPLATE("a file open for reading refuses changes, and says which", T, KV_FILE_SYSTEMS) {
  T subject;
  const std::string path = subject.dir() + "/a";
  create_file(subject.fs(), path, "text");
  const auto file = open_file(subject.fs(), path, OpenMode::kRead);
  const std::string_view pieces[] = {"x"};
  const auto written = file->write_at(3, pieces);
  REQUIRE(!written.has_value());
  CHECK(written.error().code == Errc::kIo);
  CHECK(written.error().cause);
  CHECK(written.error().context == "write " + path + " at 3");
  const auto cut = file->truncate(1);
  REQUIRE(!cut.has_value());
  CHECK(cut.error().context == "truncate " + path + " at 1");
  CHECK(text_at(*file, 0, 100) == "text");
}

}  // namespace kv::io
