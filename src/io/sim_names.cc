#include "io/sim_names.h"

#include <algorithm>
#include <array>

namespace kv::io {

std::string SimNames::folder_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

SimInode SimNames::find(const std::string& path) const {
  const auto found = current_.find(path);
  return found == current_.end() ? kNoInode : found->second;
}

std::set<SimInode> SimNames::reachable() const {
  std::set<SimInode> inodes;
  for (const auto& file : current_) inodes.insert(file.second);
  for (const auto& file : durable_) inodes.insert(file.second);
  for (const Change& change : unsynced_) inodes.insert(change.inode);
  return inodes;
}

std::vector<std::string> SimNames::list(const std::string& dir) const {
  std::vector<std::string> names;
  const auto consider = [&](const std::string& path) {
    if (path == "/" || path == "." || folder_of(path) != dir) return;
    names.push_back(path.substr(path.rfind('/') + 1));
  };
  for (const auto& file : current_) consider(file.first);
  for (const std::string& path : dirs_) consider(path);
  std::sort(names.begin(), names.end());
  return names;
}

void SimNames::create(const std::string& path, SimInode inode) { add({{}, path, inode}); }

void SimNames::rename(const std::string& from, const std::string& to) {
  add({from, to, find(from)});
}

void SimNames::remove(const std::string& path) { add({path, {}, kNoInode}); }

void SimNames::create_dir(const std::string& dir) {
  for (std::string level = dir; !is_dir(level); level = folder_of(level)) dirs_.insert(level);
}

void SimNames::sync_dir(const std::string& dir) {
  // A rename between two folders is durable as a whole with either of them, and what came before it
  // to the same names has to be, too: from the newest change to the oldest.
  std::set<std::string> needed;
  std::vector<Change> kept;
  std::vector<Change> left;
  for (auto change = unsynced_.rbegin(); change != unsynced_.rend(); ++change) {
    bool is_needed = false;
    for (const std::string* name : {&change->gone, &change->come}) {
      if (name->empty()) continue;
      is_needed = is_needed || folder_of(*name) == dir || needed.contains(*name);
    }
    if (is_needed) needed.insert({change->gone, change->come});
    (is_needed ? kept : left).push_back(std::move(*change));
  }
  for (auto change = kept.rbegin(); change != kept.rend(); ++change) apply(durable_, *change);
  unsynced_.assign(std::make_move_iterator(left.rbegin()), std::make_move_iterator(left.rend()));
}

void SimNames::crash(CrashMode mode, SimRandom& random) {
  if (mode == CrashMode::kKeepCache) return;
  if (mode == CrashMode::kKeepAll) durable_ = current_;
  if (mode == CrashMode::kRandom) survive(random);
  unsynced_.clear();
  current_ = durable_;
}

// Each change has its own luck, but none can survive a lost one to the same name: no disk shows the
// second tenant of a name without having let go the first.
void SimNames::survive(SimRandom& random) {
  static constexpr std::array<std::uint64_t, 3> kKeptPercents = {20, 50, 80};
  const std::uint64_t kept_percent = kKeptPercents[random.below(kKeptPercents.size())];
  std::set<std::string> lost;
  for (const Change& change : unsynced_) {
    const bool is_lucky = random.chance(kept_percent);
    const bool is_free = (change.gone.empty() || !lost.contains(change.gone)) &&
                         (change.come.empty() || !lost.contains(change.come));
    if (is_lucky && is_free) {
      apply(durable_, change);
    } else {
      lost.insert({change.gone, change.come});
    }
  }
}

void SimNames::add(Change change) {
  apply(current_, change);
  unsynced_.push_back(std::move(change));
}

void SimNames::apply(Files& files, const Change& change) {
  if (!change.gone.empty()) files.erase(change.gone);
  if (!change.come.empty()) files[change.come] = change.inode;
}

}  // namespace kv::io
