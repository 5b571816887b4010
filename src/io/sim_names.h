#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "io/sim_content.h"
#include "io/sim_random.h"

namespace kv::io {

// A simulated file, whatever its names.
using SimInode = std::uint64_t;
inline constexpr SimInode kNoInode = 0;

// The folders and names of a simulated disk: as programs see them, as the disk has them, and the
// changes in between. A value. Not thread-safe.
class SimNames {
 public:
  // The folder that holds `path`; "." where it names none.
  static std::string folder_of(const std::string& path);

  // kNoInode: no such file.
  SimInode find(const std::string& path) const;
  bool is_dir(const std::string& path) const { return dirs_.contains(path); }
  // Sorted; of files and folders in `dir`, without it.
  std::vector<std::string> list(const std::string& dir) const;
  // All files, by their whole path; sorted.
  const std::map<std::string, SimInode>& files() const { return current_; }
  // Those that a name leads to, now or after a crash.
  std::set<SimInode> reachable() const;

  void create(const std::string& path, SimInode inode);
  void rename(const std::string& from, const std::string& to);
  void remove(const std::string& path);
  // With its parents, durable at once.
  void create_dir(const std::string& dir);
  void sync_dir(const std::string& dir);
  // Only names; the contents are for the caller to crash.
  void crash(CrashMode mode, SimRandom& random);

 private:
  using Files = std::map<std::string, SimInode>;
  // One atomic step: `gone` names nothing any more, `come` names `inode`. Either may be empty.
  struct Change {
    std::string gone;
    std::string come;
    SimInode inode;
  };
  void add(Change change);
  static void apply(Files& files, const Change& change);
  void survive(SimRandom& random);

  std::set<std::string> dirs_ = {"/", "."};
  Files current_;
  Files durable_;
  std::vector<Change> unsynced_;  // oldest first; durable_ has none of them
};

}  // namespace kv::io
