#pragma once

#include <string>

#include "cli/console.h"
#include "kv/backup.h"
#include "kv/verify.h"

namespace kv::cli {

// Prints what a verification found, as text or, with --json, as the server's VERIFY does.
void print(const Common& common, const VerifyReport& report);
// And what a backup or a restored database in `directory` holds now.
void print(const Common& common, const std::string& directory, const BackupSummary& summary);

// What a server answers to VERIFY and BACKUP with fmt=json. kInternal: that is no such answer.
Result<VerifyReport> verify_report_of(const std::string& json);
Result<BackupSummary> backup_summary_of(const std::string& json);

}  // namespace kv::cli
