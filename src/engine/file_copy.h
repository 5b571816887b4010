#pragma once

#include <cstdint>
#include <string>

#include "engine/read_pace.h"
#include "io/file_system.h"
#include "kv/result.h"

namespace kv::engine {

struct FileDigest {
  std::uint64_t size = 0;
  std::uint64_t hash = 0;  // as format::BackupFile has it
  bool operator==(const FileDigest&) const = default;
};

// Reads all of a file. kClosed when the pace says stop.
Result<FileDigest> digest_file(io::FileSystem& fs, const std::string& path, ReadPace& pace);

// Writes `to`.tmp, syncs it and renames it; the folder is the caller's to sync. Returns the digest
// of what was read.
Result<FileDigest> copy_file(io::FileSystem& fs, const std::string& from, const std::string& to,
                             ReadPace& pace);

}  // namespace kv::engine
