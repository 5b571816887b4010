#pragma once

#include <string>

#include "io/sim_file_system.h"

namespace kv::io {

// A file open on the simulated machine.
class SimFile final : public File {
 public:
  // Takes over one place in fs.open_.
  SimFile(SimFileSystem& fs, SimFileSystem::Handle handle, std::string path, bool is_read_only)
      : fs_(fs), handle_(handle), path_(std::move(path)), is_read_only_(is_read_only) {}
  ~SimFile() override;
  SimFile(const SimFile&) = delete;
  SimFile& operator=(const SimFile&) = delete;

  Result<std::size_t> read_at(std::uint64_t offset, char* out, std::size_t size,
                              ReadMode mode) const override;
  Result<void> write_at(std::uint64_t offset, std::span<const std::string_view> buffers) override;
  Result<void> sync() override;
  Result<void> truncate(std::uint64_t size) override;
  Result<std::uint64_t> size() const override;
  const std::string& path() const override { return path_; }

 private:
  SimFileSystem& fs_;
  const SimFileSystem::Handle handle_;
  const std::string path_;
  const bool is_read_only_;
};

// Held by the simulated machine; ends with its power.
class SimLock final : public FileLock {
 public:
  SimLock(SimFileSystem& fs, SimFileSystem::Handle handle) : fs_(fs), handle_(handle) {}
  ~SimLock() override;
  SimLock(const SimLock&) = delete;
  SimLock& operator=(const SimLock&) = delete;

 private:
  SimFileSystem& fs_;
  const SimFileSystem::Handle handle_;
};

}  // namespace kv::io
