#include <algorithm>
#include <cerrno>
#include <dirent.h>
#include <fcntl.h>
#include <filesystem>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <fmt/format.h>

#include "io/file_system.h"
#include "io/posix_error.h"
#include "io/posix_file.h"

namespace kv::io {

namespace {

class PosixLock final : public FileLock {
 public:
  explicit PosixLock(Descriptor fd) : fd_(std::move(fd)) {}

 private:
  Descriptor fd_;  // closing it lets the lock go, as the end of the process does
};

std::string read_text(int fd) {
  char bytes[512];
  const ssize_t got = ::pread(fd, bytes, sizeof bytes, 0);
  std::string text(bytes, got > 0 ? static_cast<std::size_t>(got) : 0);
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return text;
}

class PosixFileSystem final : public FileSystem {
 public:
  Result<std::unique_ptr<File>> open(const std::string& path, OpenMode mode) override {
    int flags = O_CLOEXEC;
    if (mode == OpenMode::kRead) flags |= O_RDONLY;
    if (mode == OpenMode::kReadWrite) flags |= O_RDWR;
    if (mode == OpenMode::kCreate) flags |= O_RDWR | O_CREAT | O_EXCL;
    const int fd = ::open(path.c_str(), flags, 0644);
    if (fd < 0) {
      return tl::unexpected(posix_error(mode == OpenMode::kCreate ? "create" : "open", path));
    }
    return std::make_unique<PosixFile>(Descriptor(fd), path);
  }

  Result<void> rename(const std::string& from, const std::string& to) override {
    if (::rename(from.c_str(), to.c_str()) != 0) {
      return tl::unexpected(posix_error("rename " + from + " to", to));
    }
    return {};
  }

  Result<void> remove(const std::string& path) override {
    if (::unlink(path.c_str()) != 0) return tl::unexpected(posix_error("remove", path));
    return {};
  }

  Result<std::vector<std::string>> list(const std::string& dir) override {
    std::vector<std::string> names;
    std::error_code error;
    std::filesystem::directory_iterator at(dir, error);
    for (; !error && at != std::filesystem::directory_iterator(); at.increment(error)) {
      names.push_back(at->path().filename().string());
    }
    if (error) return tl::unexpected(Error{Errc::kIo, "list " + dir, error});
    std::sort(names.begin(), names.end());
    return names;
  }

  Result<bool> exists(const std::string& path) override {
    struct stat status {};
    if (::stat(path.c_str(), &status) == 0) return true;
    if (errno == ENOENT) return false;
    return tl::unexpected(posix_error("look for", path));
  }

  Result<void> create_dir(const std::string& dir) override {
    std::error_code error;
    std::filesystem::create_directories(dir, error);
    if (error) {
      const bool is_full = error == std::errc::no_space_on_device;
      return tl::unexpected(
          Error{is_full ? Errc::kNoSpace : Errc::kIo, "create directory " + dir, error});
    }
    // The new name must not get lost with the power.
    const std::filesystem::path parent = std::filesystem::absolute(dir).parent_path();
    return sync_dir(parent.string());
  }

  Result<void> sync_dir(const std::string& dir) override {
    const Descriptor fd(::open(dir.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (fd.get() < 0) return tl::unexpected(posix_error("open directory", dir));
    if (::fsync(fd.get()) != 0) return tl::unexpected(posix_error("sync directory", dir));
    return {};
  }

  Result<std::unique_ptr<FileLock>> lock(const std::string& path, std::string_view text) override {
    Descriptor fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644));
    if (fd.get() < 0) return tl::unexpected(posix_error("open", path));
    if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
      if (errno != EWOULDBLOCK) return tl::unexpected(posix_error("lock", path));
      return tl::unexpected(
          Error{Errc::kLocked,
                fmt::format("{} is held by another process: {}", path, read_text(fd.get())),
                {}});
    }
    // The text is for people: a disk too full for it is no reason to refuse.
    if (::ftruncate(fd.get(), 0) == 0) {
      [[maybe_unused]] const ssize_t written = ::pwrite(fd.get(), text.data(), text.size(), 0);
    }
    return std::make_unique<PosixLock>(std::move(fd));
  }

  Result<Space> space(const std::string& dir) override {
    struct statvfs status {};
    if (::statvfs(dir.c_str(), &status) != 0)
      return tl::unexpected(posix_error("ask for space in", dir));
    return Space{status.f_bavail * status.f_frsize, status.f_blocks * status.f_frsize};
  }
};

}  // namespace

FileSystem& posix_file_system() {
  static PosixFileSystem file_system;
  return file_system;
}

}  // namespace kv::io
