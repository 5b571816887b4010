#pragma once

#include "engine/read_pace.h"
#include "io/file_system.h"

namespace kv::engine {

// A file that is read at a pace: each read waits for it, and fails with kClosed once it says stop.
// Read-only. Neither file nor pace is owned.
class PacedFile final : public io::File {
 public:
  PacedFile(const io::File& file, ReadPace& pace) : file_(file), pace_(pace) {}

  Result<std::size_t> read_at(std::uint64_t offset, char* out, std::size_t size,
                              ReadMode mode) const override;
  Result<void> write_at(std::uint64_t offset, std::span<const std::string_view> buffers) override;
  Result<void> sync() override;
  Result<void> truncate(std::uint64_t size) override;
  Result<std::uint64_t> size() const override { return file_.size(); }
  const std::string& path() const override { return file_.path(); }

 private:
  const io::File& file_;
  ReadPace& pace_;
};

}  // namespace kv::engine
