#include <algorithm>
#include <cerrno>
#include <chrono>
#include <dirent.h>
#include <fcntl.h>
#include <filesystem>
#include <random>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "io/file_system.h"
#include "io/posix_error.h"
#include "io/posix_file.h"
#include "io/posix_lock.h"
#include "io/posix_retry.h"

namespace kv::io {

namespace {

// Makes one level, and its name in the folder above durable.
Result<void> make_level(FileSystem& fs, const std::filesystem::path& dir) {
  if (retry([&] { return ::mkdir(dir.c_str(), 0755); }) != 0 && errno != EEXIST) {
    return tl::unexpected(posix_error("create directory", dir.string()));
  }
  return fs.sync_dir(dir.parent_path().string());
}

class PosixFileSystem final : public FileSystem {
 public:
  Result<std::unique_ptr<File>> open(const std::string& path, OpenMode mode) override {
    int flags = O_CLOEXEC;
    if (mode == OpenMode::kRead) flags |= O_RDONLY;
    if (mode == OpenMode::kReadWrite) flags |= O_RDWR;
    if (mode == OpenMode::kCreate) flags |= O_RDWR | O_CREAT | O_EXCL;
    Descriptor fd(retry([&] { return ::open(path.c_str(), flags, 0644); }));
    if (fd.get() < 0) {
      return tl::unexpected(posix_error(mode == OpenMode::kCreate ? "create" : "open", path));
    }
    return std::make_unique<PosixFile>(std::move(fd), path);
  }

  Result<void> rename(const std::string& from, const std::string& to) override {
    if (retry([&] { return ::rename(from.c_str(), to.c_str()); }) != 0) {
      return tl::unexpected(posix_error("rename " + from + " to", to));
    }
    return {};
  }

  Result<void> remove(const std::string& path) override {
    if (retry([&] { return ::unlink(path.c_str()); }) != 0)
      return tl::unexpected(posix_error("remove", path));
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
    if (retry([&] { return ::stat(path.c_str(), &status); }) == 0) return true;
    if (errno == ENOENT) return false;
    return tl::unexpected(posix_error("look for", path));
  }

  Result<void> create_dir(const std::string& dir) override {
    std::filesystem::path level = std::filesystem::absolute(dir).lexically_normal();
    if (!level.has_filename()) level = level.parent_path();  // it ended in '/'
    std::vector<std::filesystem::path> missing;
    struct stat status {};
    while (retry([&] { return ::stat(level.c_str(), &status); }) != 0) {
      if (errno != ENOENT) return tl::unexpected(posix_error("create directory", dir));
      missing.push_back(level);
      level = level.parent_path();
    }
    if (!S_ISDIR(status.st_mode)) {
      errno = ENOTDIR;
      return tl::unexpected(posix_error("create directory", dir));
    }
    if (missing.empty()) {
      // Whoever made it may have died before the name was durable. Without the right to open the
      // folder above it was somebody else's work, and theirs to make last.
      [[maybe_unused]] const auto tried = sync_dir(level.parent_path().string());
    }
    for (auto next = missing.rbegin(); next != missing.rend(); ++next) {
      if (auto made = make_level(*this, *next); !made) return made;
    }
    return {};
  }

  Result<void> sync_dir(const std::string& dir) override {
    const Descriptor fd(
        retry([&] { return ::open(dir.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC); }));
    if (fd.get() < 0) return tl::unexpected(posix_error("open directory", dir));
    if (retry([&] { return ::fsync(fd.get()); }) != 0) {
      return tl::unexpected(posix_error("sync directory", dir));
    }
    return {};
  }

  Result<std::unique_ptr<FileLock>> lock(const std::string& path, std::string_view text) override {
    return PosixLock::take(path, text);
  }

  Result<std::unique_ptr<FileLock>> lock_shared(const std::string& path) override {
    return PosixLock::share(path);
  }

  Result<void> link(const std::string& from, const std::string& to) override {
    if (retry([&] { return ::link(from.c_str(), to.c_str()); }) != 0) {
      return tl::unexpected(posix_error("link " + from + " to", to));
    }
    return {};
  }

  Result<Space> space(const std::string& dir) override {
    struct statvfs status {};
    if (retry([&] { return ::statvfs(dir.c_str(), &status); }) != 0) {
      return tl::unexpected(posix_error("ask for space in", dir));
    }
    return Space{status.f_bavail * status.f_frsize, status.f_blocks * status.f_frsize};
  }

  std::uint64_t wall_clock_ms() const override {
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    return static_cast<std::uint64_t>(
        std::chrono::duration_cast<std::chrono::milliseconds>(now).count());
  }

  std::uint64_t random_bits() override {
    std::random_device random;
    return std::uint64_t{random()} << 32 | random();
  }
};

}  // namespace

FileSystem& posix_file_system() {
  static PosixFileSystem file_system;
  return file_system;
}

}  // namespace kv::io
