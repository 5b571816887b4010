#pragma once

#include <string>
#include <string_view>

#include <doctest/doctest.h>

#include "io/file_system.h"

namespace kv::io {

// Reads at most `size` bytes at `offset`.
inline std::string text_at(const File& file, std::uint64_t offset, std::size_t size) {
  std::string text(size, '?');
  const auto got = file.read_at(offset, text.data(), size);
  REQUIRE_MESSAGE(got.has_value(), describe(got.error()));
  text.resize(*got);
  return text;
}

inline void write_text(File& file, std::uint64_t offset, std::string_view text) {
  const std::string_view pieces[] = {text};
  const auto written = file.write_at(offset, pieces);
  REQUIRE_MESSAGE(written.has_value(), describe(written.error()));
}

inline std::unique_ptr<File> open_file(FileSystem& fs, const std::string& path, OpenMode mode) {
  auto file = fs.open(path, mode);
  REQUIRE_MESSAGE(file.has_value(), describe(file.error()));
  return std::move(*file);
}

inline std::unique_ptr<File> create_file(FileSystem& fs, const std::string& path,
                                         std::string_view text = {}) {
  auto file = open_file(fs, path, OpenMode::kCreate);
  write_text(*file, 0, text);
  return file;
}

// "-" when there is no such file.
inline std::string content_of(FileSystem& fs, const std::string& path) {
  const auto is_there = fs.exists(path);
  REQUIRE(is_there.has_value());
  if (!*is_there) return "-";
  const auto content = read_file(fs, path);
  REQUIRE_MESSAGE(content.has_value(), describe(content.error()));
  return *content;
}

}  // namespace kv::io
