#pragma once

#include <string>
#include <string_view>

#include "io/descriptor.h"
#include "io/file_system.h"

namespace kv::io {

// flock on a descriptor of its own: it excludes other processes and other locks of this one alike,
// and ends with the descriptor, however the process dies. The file stays behind; removing it would
// let a third process lock a new file beside a holder of the old one.
class PosixLock final : public FileLock {
 public:
  static Result<std::unique_ptr<FileLock>> take(const std::string& path, std::string_view text);
  // nullptr: there is no such file.
  static Result<std::unique_ptr<FileLock>> share(const std::string& path);

  explicit PosixLock(Descriptor fd) : fd_(std::move(fd)) {}

 private:
  const Descriptor fd_;
};

}  // namespace kv::io
