#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "kv/result.h"
#include "kv/store.h"

namespace kv::io {

// An open file. Reads may come from any thread at any time, and so may writes that do not overlap;
// syncs and truncates from one at a time. Every error names the file, the operation and the offset.
class File {
 public:
  virtual ~File() = default;

  // Reads up to `size` bytes at `offset` into `out`; fewer only where the file ends. kNoWait
  // answers kWouldBlock unless all of it is in memory; where the system cannot tell, it may wait.
  [[nodiscard]] virtual Result<std::size_t> read_at(std::uint64_t offset, char* out,
                                                    std::size_t size,
                                                    ReadMode mode = ReadMode::kMayBlock) const = 0;
  // Writes all buffers one after the other at `offset`. After an error any prefix of them may be in
  // the file (kNoSpace for ENOSPC and EDQUOT, else kIo).
  [[nodiscard]] virtual Result<void> write_at(std::uint64_t offset,
                                              std::span<const std::string_view> buffers) = 0;
  // fdatasync: contents and size. After an error the contents are unknown; never call it again on
  // this file.
  [[nodiscard]] virtual Result<void> sync() = 0;
  [[nodiscard]] virtual Result<void> truncate(std::uint64_t size) = 0;
  [[nodiscard]] virtual Result<std::uint64_t> size() const = 0;
  virtual const std::string& path() const = 0;
};

// Held until destroyed, or until the process dies.
class FileLock {
 public:
  virtual ~FileLock() = default;
};

enum class OpenMode {
  kRead,       // must exist
  kReadWrite,  // must exist
  kCreate,     // must not exist; made empty, for reading and writing
};

struct Space {
  std::uint64_t free_bytes = 0;  // what this process may still write
  std::uint64_t total_bytes = 0;
};

// Everything the engine asks of the operating system. Two implementations: POSIX, and a simulated
// one that can crash, tear, lose and refuse (sim_file_system.h). Paths are plain strings joined
// with '/'. Names created, renamed or removed are durable after sync_dir() of their folder and not
// before. Any thread.
class FileSystem {
 public:
  virtual ~FileSystem() = default;

  [[nodiscard]] virtual Result<std::unique_ptr<File>> open(const std::string& path,
                                                           OpenMode mode) = 0;
  [[nodiscard]] virtual Result<void> rename(const std::string& from, const std::string& to) = 0;
  [[nodiscard]] virtual Result<void> remove(const std::string& path) = 0;
  // Names, without their folder, sorted; "." and ".." left out.
  [[nodiscard]] virtual Result<std::vector<std::string>> list(const std::string& dir) = 0;
  [[nodiscard]] virtual Result<bool> exists(const std::string& path) = 0;
  // With its parents, and durable on return; fine if it is there.
  [[nodiscard]] virtual Result<void> create_dir(const std::string& dir) = 0;
  [[nodiscard]] virtual Result<void> sync_dir(const std::string& dir) = 0;
  // flock on the file, created if missing; `text` replaces its contents once held (information
  // only). kLocked, with the present holder's text, when another process or another call has it.
  [[nodiscard]] virtual Result<std::unique_ptr<FileLock>> lock(const std::string& path,
                                                               std::string_view text) = 0;
  // For who only reads: holds off lock() and nobody else, and changes nothing. nullptr when there
  // is no such file. kLocked as above.
  [[nodiscard]] virtual Result<std::unique_ptr<FileLock>> lock_shared(const std::string& path) = 0;
  // A second name for a file. kIo where that cannot be had, as across file systems.
  [[nodiscard]] virtual Result<void> link(const std::string& from, const std::string& to) = 0;
  [[nodiscard]] virtual Result<Space> space(const std::string& dir) = 0;

  // Time of day, milliseconds since 1970; may go back. Quick: asked for each record.
  virtual std::uint64_t wall_clock_ms() const = 0;
  // Others each time; nobody can tell them beforehand.
  virtual std::uint64_t random_bits() = 0;
};

// Whole files, for small ones.
[[nodiscard]] Result<std::string> read_file(FileSystem& fs, const std::string& path);
// Writes `path`.tmp, syncs it, renames it over `path` and syncs the folder: after a crash there is
// the old content or the new, and perhaps `path`.tmp, which the next call replaces. An error of the
// last step leaves the new content, not known to be durable; any other the old.
[[nodiscard]] Result<void> replace_file(FileSystem& fs, const std::string& path,
                                        std::string_view content);

FileSystem& posix_file_system();

}  // namespace kv::io
