#include "io/sim_file_system.h"

#include <algorithm>

#include "base/check.h"
#include "io/sim_file.h"

namespace kv::io {

namespace {

Error refused(std::string context, std::errc cause) {
  return {cause == std::errc::no_space_on_device ? Errc::kNoSpace : Errc::kIo, std::move(context),
          std::make_error_code(cause)};
}

std::string without_slash(std::string dir) {
  while (dir.size() > 1 && dir.back() == '/') dir.pop_back();
  return dir;
}

std::string trimmed(std::string text) {
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return text;
}

}  // namespace

Result<void> SimFileSystem::look(const std::string& context) {
  auto refusal = machine_.start({SimOperation::kLook, context}, machine_.boot());
  if (refusal) return tl::unexpected(std::move(refusal->error));
  return {};
}

Result<void> SimFileSystem::need_folder_of(const std::string& path,
                                           const std::string& context) const {
  if (auto error = machine_.find_off(context, machine_.boot())) {
    return tl::unexpected(std::move(*error));
  }
  const std::string folder = SimNames::folder_of(path);
  if (disk_.names().is_dir(folder)) return {};
  const bool is_file = disk_.names().find(folder) != kNoInode;
  return tl::unexpected(refused(
      context, is_file ? std::errc::not_a_directory : std::errc::no_such_file_or_directory));
}

std::uint64_t SimFileSystem::free_bytes() const {
  const std::uint64_t used = disk_.used(open_);
  return capacity_ > used ? capacity_ - used : 0;
}

// Every change of the disk comes through here.
Result<void> SimFileSystem::change(const SimCall& call, const SimChange& change,
                                   std::uint64_t boot) {
  if (auto refusal = machine_.start(call, boot)) {
    const bool is_sync = call.operation == SimOperation::kSync;
    const bool is_fault = refusal->reason == SimRefusal::Reason::kFault ||
                          refusal->reason == SimRefusal::Reason::kShort;
    if (refusal->reason == SimRefusal::Reason::kPowerLost) disk_.begin(change);
    if (is_fault && is_sync) disk_.content(change.inode).drop_unsynced();
    if (refusal->reason == SimRefusal::Reason::kShort && change.bytes) {
      return write_part(call, change, random_.below(change.bytes->size()),
                        std::move(refusal->error));
    }
    return tl::unexpected(std::move(refusal->error));
  }
  if (call.operation == SimOperation::kWrite) {
    const std::uint64_t size = disk_.content(change.inode).current().size();
    const std::uint64_t room = size + free_bytes();
    if (change.offset + change.bytes->size() > std::max(size, room)) {
      const std::uint64_t part = room > change.offset ? room - change.offset : 0;
      return write_part(call, change, part, refused({}, std::errc::no_space_on_device));
    }
  }
  disk_.apply(change);
  return {};
}

Result<void> SimFileSystem::write_part(const SimCall& call, const SimChange& change,
                                       std::uint64_t size, Error error) {
  SimChange part = change;
  part.bytes = std::make_shared<const std::string>(change.bytes->substr(0, size));
  disk_.apply(part);
  error.context = call.context + " at " + std::to_string(change.offset + size);
  return tl::unexpected(std::move(error));
}

Result<std::unique_ptr<File>> SimFileSystem::open(const std::string& path, OpenMode mode) {
  const std::lock_guard guard(mutex_);
  const bool is_new = mode == OpenMode::kCreate;
  const std::string context = (is_new ? "create " : "open ") + path;
  if (auto found = need_folder_of(path, context); !found) {
    return tl::unexpected(std::move(found).error());
  }
  SimInode inode = disk_.names().find(path);
  const bool is_dir = disk_.names().is_dir(path);
  if (is_new && (inode != kNoInode || is_dir)) {
    return tl::unexpected(refused(context, std::errc::file_exists));
  }
  if (is_dir) return tl::unexpected(refused(context, std::errc::is_a_directory));
  if (is_new) {
    if (free_bytes() == 0) return tl::unexpected(refused(context, std::errc::no_space_on_device));
    inode = disk_.next_inode();
    auto made =
        change({SimOperation::kCreate, context, path},
               {.operation = SimOperation::kCreate, .inode = inode, .path = path}, machine_.boot());
    if (!made) return tl::unexpected(std::move(made).error());
  } else if (inode == kNoInode) {
    return tl::unexpected(refused(context, std::errc::no_such_file_or_directory));
  } else if (auto looked = look(context); !looked) {
    return tl::unexpected(std::move(looked).error());
  }
  open_.insert(inode);
  return std::make_unique<SimFile>(*this, Handle{inode, machine_.boot()}, path,
                                   mode == OpenMode::kRead);
}

Result<void> SimFileSystem::rename(const std::string& from, const std::string& to) {
  const std::lock_guard guard(mutex_);
  const std::string context = "rename " + from + " to " + to;
  if (auto found = need_folder_of(to, context); !found) return found;
  if (disk_.names().find(from) == kNoInode) {
    return tl::unexpected(refused(context, std::errc::no_such_file_or_directory));
  }
  if (disk_.names().is_dir(to)) return tl::unexpected(refused(context, std::errc::is_a_directory));
  auto done = change({SimOperation::kRename, context, to},
                     {.operation = SimOperation::kRename, .path = from, .to = to}, machine_.boot());
  disk_.collect(open_);
  return done;
}

Result<void> SimFileSystem::remove(const std::string& path) {
  const std::lock_guard guard(mutex_);
  const std::string context = "remove " + path;
  if (auto found = need_folder_of(path, context); !found) return found;
  if (disk_.names().find(path) == kNoInode) {
    return tl::unexpected(refused(context, std::errc::no_such_file_or_directory));
  }
  return change({SimOperation::kRemove, context, path},
                {.operation = SimOperation::kRemove, .path = path}, machine_.boot());
}

Result<std::vector<std::string>> SimFileSystem::list(const std::string& dir) {
  const std::lock_guard guard(mutex_);
  if (auto looked = look("list " + dir); !looked) return tl::unexpected(std::move(looked).error());
  if (!disk_.names().is_dir(dir)) {
    return tl::unexpected(refused("list " + dir, std::errc::no_such_file_or_directory));
  }
  return disk_.names().list(dir);
}

Result<bool> SimFileSystem::exists(const std::string& path) {
  const std::lock_guard guard(mutex_);
  auto looked = look("look for " + path);
  if (!looked) return tl::unexpected(std::move(looked).error());
  return disk_.names().is_dir(path) || disk_.names().find(path) != kNoInode;
}

Result<void> SimFileSystem::create_dir(const std::string& given) {
  const std::lock_guard guard(mutex_);
  const std::string dir = without_slash(given);
  const std::string context = "create directory " + given;
  if (auto looked = look(context); !looked) return looked;
  std::string level = dir;
  while (!disk_.names().is_dir(level)) {
    if (disk_.names().find(level) != kNoInode) {
      return tl::unexpected(refused(context, std::errc::not_a_directory));
    }
    level = SimNames::folder_of(level);
  }
  if (level == dir) return {};
  return change({SimOperation::kCreateDir, context, dir},
                {.operation = SimOperation::kCreateDir, .path = dir}, machine_.boot());
}

Result<void> SimFileSystem::sync_dir(const std::string& dir) {
  const std::lock_guard guard(mutex_);
  const std::string context = "sync directory " + dir;
  if (auto error = machine_.find_off(context, machine_.boot())) {
    return tl::unexpected(std::move(*error));
  }
  if (!disk_.names().is_dir(dir)) {
    return tl::unexpected(refused(context, std::errc::no_such_file_or_directory));
  }
  auto done = change({SimOperation::kSyncDir, context, dir},
                     {.operation = SimOperation::kSyncDir, .path = dir}, machine_.boot());
  disk_.collect(open_);
  return done;
}

Result<std::unique_ptr<FileLock>> SimFileSystem::lock(const std::string& path,
                                                      std::string_view text) {
  const std::lock_guard guard(mutex_);
  const std::string context = "lock " + path;
  if (auto found = need_folder_of(path, context); !found) {
    return tl::unexpected(std::move(found).error());
  }
  SimInode inode = disk_.names().find(path);
  if (inode != kNoInode && locked_.contains(inode)) {
    const std::string holder = disk_.content(inode).current().text();
    return tl::unexpected(
        Error{Errc::kLocked, path + " is held by another process: " + trimmed(holder), {}});
  }
  SimChange make{.operation = SimOperation::kLock, .inode = inode, .path = path};
  if (inode == kNoInode) {
    inode = make.inode = disk_.next_inode();
  } else {
    make.operation = SimOperation::kLook;  // nothing is made
  }
  auto made = change({SimOperation::kLock, context, path}, make, machine_.boot());
  if (!made) return tl::unexpected(std::move(made).error());
  // The text is for people, and a full disk no reason to refuse.
  SimContent& content = disk_.content(inode);
  content.truncate(0);
  if (text.size() <= free_bytes()) content.write(0, std::make_shared<const std::string>(text));
  locked_.insert(inode);
  open_.insert(inode);
  return std::make_unique<SimLock>(*this, Handle{inode, machine_.boot()});
}

// Excludes nobody: one process is all there is on this machine.
Result<std::unique_ptr<FileLock>> SimFileSystem::lock_shared(const std::string& path) {
  const std::lock_guard guard(mutex_);
  const std::string context = "lock " + path;
  if (auto looked = look(context); !looked) return tl::unexpected(std::move(looked).error());
  const SimInode inode = disk_.names().find(path);
  if (inode != kNoInode && locked_.contains(inode)) {
    return tl::unexpected(Error{Errc::kLocked, path + " is held by another process", {}});
  }
  return nullptr;
}

Result<void> SimFileSystem::link(const std::string& from, const std::string&) {
  return tl::unexpected(Error{Errc::kIo, "link " + from + ": not on this file system", {}});
}

Result<Space> SimFileSystem::space(const std::string& dir) {
  const std::lock_guard guard(mutex_);
  const std::string context = "ask for space in " + dir;
  if (auto looked = look(context); !looked) return tl::unexpected(std::move(looked).error());
  if (!disk_.names().is_dir(dir)) {
    return tl::unexpected(refused(context, std::errc::no_such_file_or_directory));
  }
  return Space{free_bytes(), capacity_};
}

void SimFileSystem::close(const Handle& handle) {
  if (handle.boot != machine_.boot() || !machine_.is_on()) return;  // ended with the power
  const auto found = open_.find(handle.inode);
  KV_CHECK(found != open_.end());
  open_.erase(found);
}

std::uint64_t SimFileSystem::random_bits() {
  const std::lock_guard guard(mutex_);
  SimRandom luck(seed_ + disk_.next_inode(), ~draws_++);
  return luck.below(UINT64_MAX);
}

}  // namespace kv::io
