#pragma once

#include <memory>
#include <string>
#include <vector>

#include "engine/read_pace.h"
#include "format/backup_list.h"
#include "format/identity.h"
#include "format/manifest_state.h"
#include "io/file_system.h"
#include "kv/backup.h"
#include "kv/result.h"

namespace kv::engine {

// What a backup is made of: the segments of one MANIFEST state. They stay where they are for as
// long as the backup takes (the caller pins them).
struct BackupSource {
  std::string dir;
  format::Identity identity;
  format::ManifestState state;
  std::uint64_t version = 0;  // every write up to this one is in the sealed segments
};

// Brings the backup in `to` up to date, or makes it: sealed segments and hints are linked or
// copied, those an earlier backup has are kept, and the MANIFEST of that state is written under a
// number of its own. The list of files is replaced last: until then, and after a crash at any step,
// the backup before is whole. After that segments, hints and MANIFESTs that no list names go.
//
// Errors: kNotADatabase when `to` holds something else, another database's backup or that of a copy
// which has gone its own way, kLocked when another backup is at it, kClosed when the pace says
// stop, kNoSpace, kIo.
Result<BackupSummary> make_backup(io::FileSystem& fs, const BackupSource& source,
                                  const std::string& to, const BackupOptions& options,
                                  ReadPace& pace);

// kv::verify_backup and kv::restore_backup on any file system.
Result<VerifyReport> verify_backup_files(io::FileSystem& fs, const std::string& backup,
                                         const VerifyOptions& options);
Result<BackupSummary> restore_backup_files(io::FileSystem& fs, const std::string& backup,
                                           const std::string& to, const VerifyOptions& options);

}  // namespace kv::engine
