#include "io/file_system.h"

namespace kv::io {

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
  auto file = fs.open(temporary, OpenMode::kCreate);
  if (!file) return tl::unexpected(std::move(file).error());
  const std::string_view pieces[] = {content};
  auto done = (*file)->write_at(0, pieces);
  if (done) done = (*file)->sync();
  if (done) done = fs.rename(temporary, path);
  if (!done) return done;
  return fs.sync_dir(path.substr(0, path.rfind('/')));
}

}  // namespace kv::io
