#include "io/sim_disk.h"

namespace kv::io {

std::uint64_t SimDisk::used(const std::multiset<SimInode>& open) const {
  std::set<SimInode> seen(open.begin(), open.end());
  for (const auto& file : names_.files()) seen.insert(file.second);
  std::uint64_t bytes = 0;
  for (const SimInode inode : seen) bytes += content(inode).current().size();
  return bytes;
}

void SimDisk::apply(const SimChange& change) {
  switch (change.operation) {
    case SimOperation::kCreate:
    case SimOperation::kLock:
      contents_[change.inode];
      next_inode_ = change.inode + 1;
      return names_.create(change.path, change.inode);
    case SimOperation::kWrite:
      return content(change.inode).write(change.offset, change.bytes);
    case SimOperation::kSync:
      return content(change.inode).sync();
    case SimOperation::kTruncate:
      return content(change.inode).truncate(change.offset);
    case SimOperation::kRename:
      return names_.rename(change.path, change.to);
    case SimOperation::kRemove:
      return names_.remove(change.path);
    case SimOperation::kCreateDir:
      return names_.create_dir(change.path);
    case SimOperation::kSyncDir:
      return names_.sync_dir(change.path);
    case SimOperation::kAnyChange:
    case SimOperation::kRead:
    case SimOperation::kLook:
      return;
  }
}

// Of a write any prefix may have happened, of all else all or nothing.
void SimDisk::finish(CrashMode mode, SimRandom& random) {
  if (!in_flight_ || mode == CrashMode::kLoseUnsynced) return;
  SimChange change = std::move(*in_flight_);
  if (mode != CrashMode::kKeepAll) {
    if (random.chance(30)) return;
    if (change.operation == SimOperation::kWrite && random.chance(50)) {
      const std::uint64_t size = random.below(change.bytes->size());
      change.bytes = std::make_shared<const std::string>(change.bytes->substr(0, size));
    }
  }
  apply(change);
}

void SimDisk::crash(CrashMode mode, SimRandom& random) {
  finish(mode, random);
  in_flight_.reset();
  names_.crash(mode, random);
  for (auto& file : contents_) file.second.crash(mode, random);
  collect({});
}

void SimDisk::collect(const std::multiset<SimInode>& open) {
  const std::set<SimInode> reachable = names_.reachable();
  std::erase_if(contents_, [&](const auto& file) {
    return !reachable.contains(file.first) && !open.contains(file.first);
  });
}

}  // namespace kv::io
