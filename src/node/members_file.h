#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "format/membership.h"
#include "io/file_system.h"
#include "kv/result.h"

namespace kv::node {

// MEMBERS: who the members were at the beginning of the log, and which disk each of them has. It is
// made before IDENTITY names a cluster, so that with a cluster it must be there.
//
// Every call that changes it returns when that is on the disk; a crash within leaves the old
// content or the new. One thread at a time.
class MembersFile {
 public:
  // In a locked data directory. Errors: kCorruption when it is damaged, missing or another
  // database's; kNewerFormat, kNoSpace, kIo.
  static Result<std::unique_ptr<MembersFile>> open(io::FileSystem& fs, const std::string& dir,
                                                   std::uint64_t database_id_hash);
  // Replaces what a start that ended early may have left. `membership`: well-formed.
  static Result<std::unique_ptr<MembersFile>> create(io::FileSystem& fs, const std::string& dir,
                                                     std::uint64_t database_id_hash,
                                                     format::Membership membership);

  const format::Membership& membership() const { return file_; }

  // Whether that is the member's disk: the one that it came with first, which is written down
  // before this says so. False: it is no member, too.
  Result<bool> is_disk_of(std::uint64_t node_id, const base::Uuid& node_uuid);
  // Where the same members are to be found from now on; others in `membership` do not count.
  Result<void> relocate(const format::Membership& membership);

 private:
  MembersFile(io::FileSystem& fs, std::string path, std::uint64_t database_id_hash,
              format::Membership membership)
      : fs_(fs),
        path_(std::move(path)),
        database_id_hash_(database_id_hash),
        file_(std::move(membership)) {}
  Result<void> replace(format::Membership membership);

  io::FileSystem& fs_;
  const std::string path_;
  const std::uint64_t database_id_hash_;
  format::Membership file_;
};

}  // namespace kv::node
