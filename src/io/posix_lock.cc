#include "io/posix_lock.h"

#include <cerrno>
#include <chrono>
#include <fcntl.h>
#include <sys/file.h>
#include <thread>

#include <fmt/format.h>

#include "io/posix_error.h"
#include "io/posix_retry.h"

namespace kv::io {

namespace {

std::string read_text(int fd) {
  char bytes[512];
  const ssize_t got = retry([&] { return ::pread(fd, bytes, sizeof bytes, 0); });
  std::string text(bytes, got > 0 ? static_cast<std::size_t>(got) : 0);
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return text;
}

Error locked(const std::string& path, int fd) {
  return {Errc::kLocked, fmt::format("{} is held by another process: {}", path, read_text(fd)), {}};
}

// Who only looks whether the lock is held, as `kv status` does, holds it for an instant.
int lock_alone(int fd) {
  constexpr int kTries = 10;
  constexpr std::chrono::milliseconds kPause{10};
  for (int i = 1;; ++i) {
    const int done = retry([&] { return ::flock(fd, LOCK_EX | LOCK_NB); });
    if (done == 0 || errno != EWOULDBLOCK || i == kTries) return done;
    std::this_thread::sleep_for(kPause);
  }
}

}  // namespace

Result<std::unique_ptr<FileLock>> PosixLock::share(const std::string& path) {
  Descriptor fd(retry([&] { return ::open(path.c_str(), O_RDONLY | O_CLOEXEC); }));
  if (fd.get() < 0 && errno == ENOENT) return nullptr;
  if (fd.get() < 0) return tl::unexpected(posix_error("open", path));
  if (retry([&] { return ::flock(fd.get(), LOCK_SH | LOCK_NB); }) != 0) {
    if (errno != EWOULDBLOCK) return tl::unexpected(posix_error("lock", path));
    return tl::unexpected(locked(path, fd.get()));
  }
  return std::make_unique<PosixLock>(std::move(fd));
}

Result<std::unique_ptr<FileLock>> PosixLock::take(const std::string& path, std::string_view text) {
  Descriptor fd(retry([&] { return ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644); }));
  if (fd.get() < 0) return tl::unexpected(posix_error("open", path));
  if (lock_alone(fd.get()) != 0) {
    if (errno != EWOULDBLOCK) return tl::unexpected(posix_error("lock", path));
    return tl::unexpected(locked(path, fd.get()));
  }
  // The text is for people: a disk too full for it is no reason to refuse.
  if (retry([&] { return ::ftruncate(fd.get(), 0); }) == 0) {
    [[maybe_unused]] const ssize_t written =
        retry([&] { return ::pwrite(fd.get(), text.data(), text.size(), 0); });
  }
  return std::make_unique<PosixLock>(std::move(fd));
}

}  // namespace kv::io
