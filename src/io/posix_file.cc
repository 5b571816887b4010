#include "io/posix_file.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "io/posix_error.h"
#include "io/posix_retry.h"

namespace kv::io {

namespace {

Error would_block(const std::string& path, std::uint64_t offset) {
  return {Errc::kWouldBlock, path + " at " + std::to_string(offset) + ": not in memory", {}};
}

}  // namespace

Result<std::size_t> PosixFile::read_at(std::uint64_t offset, char* out, std::size_t size,
                                       ReadMode mode) const {
  int flags = mode == ReadMode::kNoWait ? RWF_NOWAIT : 0;
  std::size_t done = 0;
  while (done < size) {
    iovec piece{out + done, size - done};
    const auto at = static_cast<off_t>(offset + done);
    const ssize_t got = retry([&] {
      return flags == 0 ? ::pread(fd_.get(), out + done, size - done, at)
                        : ::preadv2(fd_.get(), &piece, 1, at, flags);
    });
    if (got == 0) break;
    if (got > 0) {
      done += static_cast<std::size_t>(got);
      continue;
    }
    if (flags != 0 && errno == EAGAIN) return tl::unexpected(would_block(path_, offset));
    if (flags != 0 && errno == EOPNOTSUPP) {
      // This file system cannot tell. A plain read may wait, but sending every read to another
      // thread would cost the many that are in memory more than the few that are not.
      flags = 0;
      continue;
    }
    return tl::unexpected(posix_error_at("read", path_, offset));
  }
  return done;
}

Result<void> PosixFile::write_at(std::uint64_t offset, std::span<const std::string_view> buffers) {
  constexpr std::size_t kPiecesMax = 256;
  std::size_t first = 0;  // buffer that is under way
  std::size_t used = 0;   // bytes of it that are written
  std::array<iovec, kPiecesMax> pieces;
  while (first < buffers.size()) {
    std::size_t count = 0;
    for (std::size_t i = first; i < buffers.size() && count < kPiecesMax; ++i) {
      const std::size_t skip = i == first ? used : 0;
      if (buffers[i].size() == skip) continue;
      pieces[count++] = {const_cast<char*>(buffers[i].data() + skip), buffers[i].size() - skip};
    }
    if (count == 0) break;
    const ssize_t written = retry([&] {
      return ::pwritev(fd_.get(), pieces.data(), static_cast<int>(count),
                       static_cast<off_t>(offset));
    });
    if (written < 0) return tl::unexpected(posix_error_at("write", path_, offset));
    if (written == 0) {
      // No kernel should answer this; trying again could go on for ever.
      errno = EIO;
      return tl::unexpected(posix_error_at("write", path_, offset));
    }
    offset += static_cast<std::uint64_t>(written);
    used += static_cast<std::size_t>(written);
    while (first < buffers.size() && used >= buffers[first].size()) used -= buffers[first++].size();
  }
  return {};
}

Result<void> PosixFile::sync() {
  if (retry([&] { return ::fdatasync(fd_.get()); }) != 0) {
    return tl::unexpected(posix_error("sync", path_));
  }
  return {};
}

Result<void> PosixFile::truncate(std::uint64_t size) {
  if (retry([&] { return ::ftruncate(fd_.get(), static_cast<off_t>(size)); }) != 0) {
    return tl::unexpected(posix_error_at("truncate", path_, size));
  }
  return {};
}

Result<std::uint64_t> PosixFile::size() const {
  struct stat status {};
  if (::fstat(fd_.get(), &status) != 0) return tl::unexpected(posix_error("stat", path_));
  return static_cast<std::uint64_t>(status.st_size);
}

}  // namespace kv::io
