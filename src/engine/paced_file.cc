#include "engine/paced_file.h"

namespace kv::engine {

namespace {

tl::unexpected<Error> read_only(const std::string& path) {
  return tl::unexpected(Error{Errc::kReadOnly, path + " is open for reading only", {}});
}

}  // namespace

Result<std::size_t> PacedFile::read_at(std::uint64_t offset, char* out, std::size_t size,
                                       ReadMode mode) const {
  auto got = file_.read_at(offset, out, size, mode);
  if (got && !pace_.go_on(*got)) {
    return tl::unexpected(Error{Errc::kClosed, "stopped while reading " + path(), {}});
  }
  return got;
}

Result<void> PacedFile::write_at(std::uint64_t, std::span<const std::string_view>) {
  return read_only(path());
}
Result<void> PacedFile::sync() { return read_only(path()); }
Result<void> PacedFile::truncate(std::uint64_t) { return read_only(path()); }

}  // namespace kv::engine
