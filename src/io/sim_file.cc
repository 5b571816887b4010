#include "io/sim_file.h"

#include <fmt/format.h>

namespace kv::io {

namespace {

Error refused(std::string context, std::errc cause) {
  return {Errc::kIo, std::move(context), std::make_error_code(cause)};
}

}  // namespace

SimFile::~SimFile() {
  const std::lock_guard lock(fs_.mutex_);
  fs_.close(handle_);
}

Result<std::size_t> SimFile::read_at(std::uint64_t offset, char* out, std::size_t size,
                                     ReadMode) const {
  const std::lock_guard lock(fs_.mutex_);
  const SimCall call{SimOperation::kRead, "read " + path_, path_, offset, size};
  if (auto refusal = fs_.machine_.start(call, handle_.boot)) {
    return tl::unexpected(std::move(refusal->error));
  }
  return fs_.disk_.content(handle_.inode).current().read(offset, out, size);
}

Result<void> SimFile::write_at(std::uint64_t offset, std::span<const std::string_view> buffers) {
  std::string bytes;
  for (const std::string_view buffer : buffers) bytes += buffer;
  if (bytes.empty()) return {};
  if (is_read_only_) {
    return tl::unexpected(
        refused(fmt::format("write {} at {}", path_, offset), std::errc::bad_file_descriptor));
  }
  const std::lock_guard lock(fs_.mutex_);
  const SimCall call{SimOperation::kWrite, "write " + path_, path_, offset, bytes.size()};
  SimChange change;
  change.operation = SimOperation::kWrite;
  change.inode = handle_.inode;
  change.offset = offset;
  change.bytes = std::make_shared<const std::string>(std::move(bytes));
  return fs_.change(call, change, handle_.boot);
}

Result<void> SimFile::sync() {
  const std::lock_guard lock(fs_.mutex_);
  SimChange change;
  change.operation = SimOperation::kSync;
  change.inode = handle_.inode;
  return fs_.change({SimOperation::kSync, "sync " + path_, path_}, change, handle_.boot);
}

Result<void> SimFile::truncate(std::uint64_t size) {
  const std::string context = fmt::format("truncate {} at {}", path_, size);
  if (is_read_only_) return tl::unexpected(refused(context, std::errc::invalid_argument));
  const std::lock_guard lock(fs_.mutex_);
  SimChange change;
  change.operation = SimOperation::kTruncate;
  change.inode = handle_.inode;
  change.offset = size;
  return fs_.change({SimOperation::kTruncate, context, path_, size}, change, handle_.boot);
}

Result<std::uint64_t> SimFile::size() const {
  const std::lock_guard lock(fs_.mutex_);
  const SimCall call{SimOperation::kLook, "stat " + path_, path_};
  if (auto refusal = fs_.machine_.start(call, handle_.boot)) {
    return tl::unexpected(std::move(refusal->error));
  }
  return fs_.disk_.content(handle_.inode).current().size();
}

SimLock::~SimLock() {
  const std::lock_guard lock(fs_.mutex_);
  if (handle_.boot == fs_.machine_.boot() && fs_.machine_.is_on()) {
    fs_.locked_.erase(handle_.inode);
  }
  fs_.close(handle_);
}

}  // namespace kv::io
