#pragma once

#include <string>

#include "format/backup_list.h"
#include "io/file_system.h"
#include "kv/result.h"

namespace kv::engine {

std::string backup_list_path(const std::string& dir);
// The list of the backup in `dir`. kNotADatabase when there is none, kCorruption.
Result<format::BackupList> read_backup_list(io::FileSystem& fs, const std::string& dir);

// What is there is no backup, or not the one that is wanted.
Error not_a_backup(std::string context);

}  // namespace kv::engine
