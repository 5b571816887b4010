#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>

#include "kv/result.h"
#include "kv/verify.h"

namespace kv {

struct BackupOptions {
  // Sealed segments never change, so a second name for them costs no space. It also shares what
  // rots: copies do not.
  bool may_link = true;
  std::uint64_t rate_max = 0;  // bytes a second copied; 0: as fast as it goes
};

struct BackupSummary {
  Version version = 0;       // every write up to this one is in it
  std::uint64_t files = 0;   // segments and their hints
  std::uint64_t bytes = 0;   // of all of them
  std::uint64_t reused = 0;  // files that an earlier backup into the same directory had
  std::uint64_t linked = 0;
  std::uint64_t copied = 0;
  std::uint64_t bytes_copied = 0;
};

// Reads every byte of a backup and compares it with the checksums of its list. An empty list of
// findings means that it can be restored. kNotADatabase: there is no backup.
[[nodiscard]] Result<VerifyReport> verify_backup(const std::filesystem::path& backup,
                                                 const VerifyOptions& options = {});

// Makes a database in `to`, which is empty or missing, out of a backup: verifies all of it first,
// then copies. kCorruption: it is damaged, and nothing was written; kNotADatabase: there is no
// backup, or `to` is not empty.
[[nodiscard]] Result<BackupSummary> restore_backup(const std::filesystem::path& backup,
                                                   const std::filesystem::path& to,
                                                   const VerifyOptions& options = {});

}  // namespace kv
