#pragma once

#include <string>

#include "io/descriptor.h"
#include "io/file_system.h"

namespace kv::io {

// io::File over pread, pwritev and fdatasync.
class PosixFile final : public File {
 public:
  PosixFile(Descriptor fd, std::string path) : fd_(std::move(fd)), path_(std::move(path)) {}

  Result<std::size_t> read_at(std::uint64_t offset, char* out, std::size_t size,
                              ReadMode mode) const override;
  Result<void> write_at(std::uint64_t offset, std::span<const std::string_view> buffers) override;
  Result<void> sync() override;
  Result<void> truncate(std::uint64_t size) override;
  Result<std::uint64_t> size() const override;
  const std::string& path() const override { return path_; }

 private:
  Descriptor fd_;
  const std::string path_;
};

}  // namespace kv::io
