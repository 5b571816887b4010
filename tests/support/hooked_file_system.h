#pragma once

#include <algorithm>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "io/file_system.h"

namespace kv::test {

// The system's files, with a say in what happens to them: a hook may refuse, and it may wait, as a
// slow disk does. For what takes real threads; everything else is the simulated file system's.
// Hooks are called from any thread, without locks, and may be set while an open store's own threads
// (the one that makes spare segments, say) are calling them.
class HookedFileSystem final : public io::FileSystem {
 public:
  template <class What>
  class HookOf {
   public:
    using Function = std::function<Result<void>(const What& what)>;
    HookOf& operator=(Function function) {
      const std::lock_guard lock(mutex_);
      function_ = std::move(function);
      return *this;
    }
    Result<void> operator()(const What& what) const {
      const Function function = copy();
      return function ? function(what) : Result<void>();
    }

   private:
    Function copy() const {
      const std::lock_guard lock(mutex_);
      return function_;
    }

    mutable std::mutex mutex_;
    Function function_;
  };
  using Hook = HookOf<std::string>;  // of the file's path
  struct Read {
    std::string path;
    std::uint64_t offset;
    std::size_t size;
    ReadMode mode;
  };
  struct Zeros {
    std::string path;
    std::uint64_t offset;
    std::uint64_t size;
  };
  HookOf<Read> on_read;
  Hook on_write;           // of anything but zeros
  HookOf<Zeros> on_zeros;  // a write of nothing else
  Hook on_sync;
  Hook on_create;
  // Syncs do no more than their hook does: nothing then depends on how quick the disk is. Set
  // before the first file is opened.
  bool skips_syncs = false;

  Result<std::unique_ptr<io::File>> open(const std::string& path, io::OpenMode mode) override {
    if (mode == io::OpenMode::kCreate) {
      if (auto allowed = on_create(path); !allowed) return tl::unexpected(allowed.error());
    }
    auto file = under_.open(path, mode);
    if (file) *file = std::make_unique<HookedFile>(*this, std::move(*file));
    return file;
  }
  Result<void> rename(const std::string& from, const std::string& to) override {
    return under_.rename(from, to);
  }
  Result<void> remove(const std::string& path) override { return under_.remove(path); }
  Result<std::vector<std::string>> list(const std::string& dir) override {
    return under_.list(dir);
  }
  Result<bool> exists(const std::string& path) override { return under_.exists(path); }
  Result<void> create_dir(const std::string& dir) override { return under_.create_dir(dir); }
  Result<void> sync_dir(const std::string& dir) override { return under_.sync_dir(dir); }
  Result<std::unique_ptr<io::FileLock>> lock(const std::string& path,
                                             std::string_view text) override {
    return under_.lock(path, text);
  }
  Result<std::unique_ptr<io::FileLock>> lock_shared(const std::string& path) override {
    return under_.lock_shared(path);
  }
  Result<void> link(const std::string& from, const std::string& to) override {
    return under_.link(from, to);
  }
  Result<io::Space> space(const std::string& dir) override { return under_.space(dir); }
  std::uint64_t wall_clock_ms() const override { return under_.wall_clock_ms(); }
  std::uint64_t random_bits() override { return under_.random_bits(); }

 private:
  class HookedFile final : public io::File {
   public:
    HookedFile(const HookedFileSystem& fs, std::unique_ptr<io::File> file)
        : fs_(fs), under_(std::move(file)) {}
    Result<std::size_t> read_at(std::uint64_t offset, char* out, std::size_t size,
                                ReadMode mode) const override {
      if (auto allowed = fs_.on_read({path(), offset, size, mode}); !allowed) {
        return tl::unexpected(allowed.error());
      }
      return under_->read_at(offset, out, size, mode);
    }
    Result<void> write_at(std::uint64_t offset,
                          std::span<const std::string_view> buffers) override {
      auto allowed = are_zeros(buffers) ? fs_.on_zeros({path(), offset, size_of(buffers)})
                                        : fs_.on_write(path());
      if (!allowed) return allowed;
      return under_->write_at(offset, buffers);
    }
    Result<void> sync() override {
      if (auto allowed = fs_.on_sync(path()); !allowed) return allowed;
      return fs_.skips_syncs ? Result<void>() : under_->sync();
    }
    Result<void> truncate(std::uint64_t size) override { return under_->truncate(size); }
    Result<std::uint64_t> size() const override { return under_->size(); }
    const std::string& path() const override { return under_->path(); }

   private:
    using Buffers = std::span<const std::string_view>;
    static bool are_zeros(Buffers buffers) {
      return std::ranges::all_of(buffers, [](std::string_view buffer) {
        return buffer.find_first_not_of('\0') == std::string_view::npos;
      });
    }
    static std::uint64_t size_of(Buffers buffers) {
      std::uint64_t size = 0;
      for (const std::string_view buffer : buffers) size += buffer.size();
      return size;
    }

    const HookedFileSystem& fs_;
    const std::unique_ptr<io::File> under_;
  };

  io::FileSystem& under_ = io::posix_file_system();
};

}  // namespace kv::test
