#include "io/posix_error.h"

#include <cerrno>

#include <fmt/format.h>

namespace kv::io {

namespace {

Error from_errno(std::string context) {
  const int number = errno;
  const bool is_full = number == ENOSPC || number == EDQUOT;
  return {
      is_full ? Errc::kNoSpace : Errc::kIo, std::move(context), {number, std::generic_category()}};
}

}  // namespace

Error posix_error(std::string_view operation, const std::string& path) {
  return from_errno(fmt::format("{} {}", operation, path));
}

Error posix_error_at(std::string_view operation, const std::string& path, std::uint64_t offset) {
  return from_errno(fmt::format("{} {} at {}", operation, path, offset));
}

}  // namespace kv::io
