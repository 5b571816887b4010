#include "engine/required_file.h"

#include <utility>

namespace kv::engine {

Result<std::string> read_required_file(io::FileSystem& fs, const std::string& path) {
  auto text = io::read_file(fs, path);
  if (text || text.error().cause != std::errc::no_such_file_or_directory) return text;
  return tl::unexpected(required_file_missing(path));
}

Error required_file_missing(const std::string& path) {
  return {Errc::kCorruption, path + " is missing, and the rest of a kv database is there", {}};
}

}  // namespace kv::engine
