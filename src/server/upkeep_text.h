#pragma once

#include <string>
#include <vector>

#include "kv/backup.h"
#include "kv/verify.h"

namespace kv::server {

// What VERIFY and BACKUP answer with: `name: value` lines, the last without its line end, or JSON.
// In lines, bytes of keys that are no visible ASCII stand as \xNN, and the backslash doubled; in
// JSON a key is {"key":TEXT}, or {"key_b64":TEXT} where it is no UTF-8.
std::string verified_text(const VerifyReport& report, bool is_json);
std::string backed_up_text(const BackupSummary& summary, bool is_json);
// The findings of that JSON alone, an array.
std::string findings_json(const std::vector<Finding>& findings);

}  // namespace kv::server
