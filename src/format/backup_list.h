#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "kv/result.h"

namespace kv::format {

inline constexpr std::string_view kBackupListName = "BACKUP";

// One file of a backup, as it has to be.
struct BackupFile {
  std::string name;
  std::uint64_t size = 0;
  std::uint64_t hash = 0;  // of the content: base::chain64 seeded with 0, piece by piece
  bool operator==(const BackupFile&) const = default;
};

// The list of a backup's files: readable text, a line each, and a checksum line at the end.
//
//   kv-backup 1
//   database 00112233445566778899aabbccddeeff
//   manifest 3
//   version 1042
//   file 000001.seg 134217732 89abcdef01234567
//   checksum 0123abcd
struct BackupList {
  std::string database_id;
  std::uint64_t manifest_number = 0;
  std::uint64_t version = 0;  // every write up to this one is in it
  std::vector<BackupFile> files;
  bool operator==(const BackupList&) const = default;
};
std::string encode_backup_list(const BackupList& list);
// kCorruption, kNewerFormat.
Result<BackupList> decode_backup_list(std::string_view text);

// Bytes hashed at a time: the pieces are part of the format.
inline constexpr std::size_t kBackupPieceSize = 1024 * 1024;

}  // namespace kv::format
