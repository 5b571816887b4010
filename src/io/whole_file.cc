#include "io/file_system.h"

namespace kv::io {

namespace {

std::string folder_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

Result<void> write_whole(FileSystem& fs, const std::string& path, std::string_view content) {
  auto file = fs.open(path, OpenMode::kCreate);
  if (!file) return tl::unexpected(std::move(file).error());
  const std::string_view pieces[] = {content};
  if (auto written = (*file)->write_at(0, pieces); !written) return written;
  return (*file)->sync();
}

}  // namespace

Result<std::string> read_file(FileSystem& fs, const std::string& path) {
  auto file = fs.open(path, OpenMode::kRead);
  if (!file) return tl::unexpected(std::move(file).error());
  auto size = (*file)->size();
  if (!size) return tl::unexpected(std::move(size).error());
  std::string content(static_cast<std::size_t>(*size), '\0');
  auto got = (*file)->read_at(0, content.data(), content.size(), ReadMode::kMayBlock);
  if (!got) return tl::unexpected(std::move(got).error());
  content.resize(*got);
  return content;
}

Result<void> replace_file(FileSystem& fs, const std::string& path, std::string_view content) {
  const std::string temporary = path + ".tmp";
  auto is_there = fs.exists(temporary);
  if (!is_there) return tl::unexpected(std::move(is_there).error());
  if (*is_there) {
    if (auto removed = fs.remove(temporary); !removed) return removed;
  }
  auto done = write_whole(fs, temporary, content);
  if (done) done = fs.rename(temporary, path);
  if (!done) {
    // A full disk should get its room back; the error to tell is the first one.
    [[maybe_unused]] const auto removed = fs.remove(temporary);
    return done;
  }
  return fs.sync_dir(folder_of(path));
}

}  // namespace kv::io
