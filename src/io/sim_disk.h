#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "io/sim_content.h"
#include "io/sim_names.h"
#include "io/sim_operation.h"
#include "io/sim_random.h"

namespace kv::io {

// Something that an operation does to the disk.
struct SimChange {
  SimOperation operation = SimOperation::kWrite;
  SimInode inode = kNoInode;     // of the file; of kCreate, the one it gets
  std::string path = {};         // of changes to names
  std::string to = {};           // of a rename
  std::uint64_t offset = 0;      // of a write; of a truncate: the new size
  SimContent::Bytes bytes = {};  // of a write
};

// Everything a simulated machine keeps: page cache, disk, and what lies between. A value that is
// cheap to copy, so that whoever tries many crashes can go back to the moment before. Not
// thread-safe.
class SimDisk {
 public:
  const SimNames& names() const { return names_; }
  // Of an inode that create gave and that was in use at the last collect().
  const SimContent& content(SimInode inode) const { return contents_.at(inode); }
  SimContent& content(SimInode inode) { return contents_.at(inode); }
  SimInode next_inode() const { return next_inode_; }
  // Bytes of all files that have a name or are in `open`.
  std::uint64_t used(const std::multiset<SimInode>& open) const;

  void apply(const SimChange& change);
  // The machine stops in the middle of this one; crash() decides how far it got.
  void begin(SimChange change) { in_flight_ = std::move(change); }
  void crash(CrashMode mode, SimRandom& random);
  // Gives up the files that no name leads to and that are not in `open`.
  void collect(const std::multiset<SimInode>& open);

 private:
  void finish(CrashMode mode, SimRandom& random);

  SimNames names_;
  std::map<SimInode, SimContent> contents_;
  SimInode next_inode_ = kNoInode + 1;
  std::optional<SimChange> in_flight_;
};

}  // namespace kv::io
