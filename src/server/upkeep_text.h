#pragma once

#include <string>

#include "kv/backup.h"
#include "kv/verify.h"

namespace kv::server {

// What VERIFY and BACKUP answer with: `name: value` lines, the last without its line end, or JSON.
// Bytes of keys that are no visible ASCII stand as \xNN, and the backslash doubled.
std::string verified_text(const VerifyReport& report, bool is_json);
std::string backed_up_text(const BackupSummary& summary, bool is_json);

}  // namespace kv::server
