#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "format/members_file.h"
#include "io/file_system.h"
#include "kv/result.h"

namespace kv::node {

// MEMBERS: who the members were at a committed place of the log, and which disk each of them has.
// It is made before IDENTITY names a cluster, so that with a cluster it must be there.
//
// CONFIG records behind that place say what changed since, and the log is read from there on at the
// next start: so advance() comes before the records up to there may go (the log's floor), and a
// crash between the two leaves a file that knows more than it needs to.
//
// Every call that changes it returns when that is on the disk; a crash within leaves the old
// content or the new. One thread at a time.
class MembersFile {
 public:
  // In a locked data directory. Errors: kCorruption when it is damaged, missing or another
  // database's; kNewerFormat, kNoSpace, kIo.
  static Result<std::unique_ptr<MembersFile>> open(io::FileSystem& fs, const std::string& dir,
                                                   std::uint64_t database_id_hash);
  // Whether it was there when the cluster was made.
  enum class Origin { kFounder, kJoined };
  // Replaces what a start that ended early may have left. `membership`: well-formed; of one that
  // joins: where the others are.
  static Result<std::unique_ptr<MembersFile>> create(io::FileSystem& fs, const std::string& dir,
                                                     std::uint64_t database_id_hash,
                                                     format::Membership membership,
                                                     Origin origin = Origin::kFounder);

  const format::MembersFile& content() const { return file_; }
  const format::Membership& membership() const { return file_.membership; }

  // `membership`, that of the CONFIG record `config_sequence` or, at 0, the one that is there, is
  // in force at `sequence`, which is committed. Disks that are known here alone stay known.
  Result<void> advance(std::uint64_t config_sequence, std::uint64_t sequence,
                       format::Membership membership);

  // Whether that is the member's disk: the one that it came with first, which is written down
  // before this says so. False: it is no member, too.
  Result<bool> is_disk_of(std::uint64_t node_id, const base::Uuid& node_uuid);
  // Where the same members are to be found from now on; others in `membership` do not count. Once
  // the members were changed their addresses are in the log, and nothing happens.
  Result<void> relocate(const format::Membership& membership);

 private:
  MembersFile(io::FileSystem& fs, std::string path, std::uint64_t database_id_hash,
              format::MembersFile file)
      : fs_(fs), path_(std::move(path)), file_(std::move(file)) {
    file_.database_id_hash = database_id_hash;
  }
  Result<void> replace(format::MembersFile file);

  io::FileSystem& fs_;
  const std::string path_;
  format::MembersFile file_;
};

}  // namespace kv::node
