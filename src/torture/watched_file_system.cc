#include "torture/watched_file_system.h"

namespace kv::torture {

namespace {

class WatchedFile final : public io::File {
 public:
  WatchedFile(WatchedFileSystem& fs, std::unique_ptr<io::File> under)
      : fs_(fs), under_(std::move(under)) {}

  Result<std::size_t> read_at(std::uint64_t offset, char* out, std::size_t size,
                              ReadMode mode) const override {
    fs_.give_turn();
    return under_->read_at(offset, out, size, mode);
  }
  Result<void> write_at(std::uint64_t offset, std::span<const std::string_view> buffers) override {
    fs_.give_turn();
    return under_->write_at(offset, buffers);
  }
  Result<void> sync() override {
    fs_.give_turn();
    return under_->sync();
  }
  Result<void> truncate(std::uint64_t size) override {
    fs_.give_turn();
    return under_->truncate(size);
  }
  Result<std::uint64_t> size() const override { return under_->size(); }
  const std::string& path() const override { return under_->path(); }

 private:
  WatchedFileSystem& fs_;
  const std::unique_ptr<io::File> under_;
};

}  // namespace

void WatchedFileSystem::give_turn() {
  if (!turn_ || is_in_turn_) return;
  is_in_turn_ = true;
  turn_();
  is_in_turn_ = false;
}

Result<std::unique_ptr<io::File>> WatchedFileSystem::open(const std::string& path,
                                                          io::OpenMode mode) {
  auto file = under_.open(path, mode);
  if (file) *file = std::make_unique<WatchedFile>(*this, std::move(*file));
  return file;
}

Result<void> WatchedFileSystem::rename(const std::string& from, const std::string& to) {
  give_turn();
  return under_.rename(from, to);
}

Result<void> WatchedFileSystem::remove(const std::string& path) {
  give_turn();
  return under_.remove(path);
}

Result<std::vector<std::string>> WatchedFileSystem::list(const std::string& dir) {
  return under_.list(dir);
}

Result<bool> WatchedFileSystem::exists(const std::string& path) { return under_.exists(path); }

Result<void> WatchedFileSystem::create_dir(const std::string& dir) {
  return under_.create_dir(dir);
}

Result<void> WatchedFileSystem::sync_dir(const std::string& dir) {
  give_turn();
  return under_.sync_dir(dir);
}

Result<std::unique_ptr<io::FileLock>> WatchedFileSystem::lock(const std::string& path,
                                                              std::string_view text) {
  return under_.lock(path, text);
}

Result<std::unique_ptr<io::FileLock>> WatchedFileSystem::lock_shared(const std::string& path) {
  return under_.lock_shared(path);
}

Result<void> WatchedFileSystem::link(const std::string& from, const std::string& to) {
  give_turn();
  return under_.link(from, to);
}

Result<io::Space> WatchedFileSystem::space(const std::string& dir) { return under_.space(dir); }

}  // namespace kv::torture
