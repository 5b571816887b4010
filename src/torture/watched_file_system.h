#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "io/file_system.h"

namespace kv::torture {

// Another file system, and somebody who gets a turn before each operation on it: what a second
// thread would do at that moment, but at the same moment every time. The turn may use the file
// system and whatever the caller holds no lock of; it gets no turns of its own. Opening a file
// gives none, because the store holds a lock then. One thread.
class WatchedFileSystem final : public io::FileSystem {
 public:
  explicit WatchedFileSystem(io::FileSystem& under) : under_(under) {}

  void set_turn(std::function<void()> turn) { turn_ = std::move(turn); }
  void give_turn();

  Result<std::unique_ptr<io::File>> open(const std::string& path, io::OpenMode mode) override;
  Result<void> rename(const std::string& from, const std::string& to) override;
  Result<void> remove(const std::string& path) override;
  Result<std::vector<std::string>> list(const std::string& dir) override;
  Result<bool> exists(const std::string& path) override;
  Result<void> create_dir(const std::string& dir) override;
  Result<void> sync_dir(const std::string& dir) override;
  Result<std::unique_ptr<io::FileLock>> lock(const std::string& path,
                                             std::string_view text) override;
  Result<std::unique_ptr<io::FileLock>> lock_shared(const std::string& path) override;
  Result<void> link(const std::string& from, const std::string& to) override;
  Result<io::Space> space(const std::string& dir) override;
  std::uint64_t wall_clock_ms() const override { return under_.wall_clock_ms(); }
  std::uint64_t random_bits() override { return under_.random_bits(); }

 private:
  io::FileSystem& under_;
  std::function<void()> turn_;
  bool is_in_turn_ = false;
};

}  // namespace kv::torture
