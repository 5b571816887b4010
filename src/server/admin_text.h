#pragma once

#include <string>

#include "kv/store.h"
#include "server/merge_desk.h"

namespace kv::server {

// What MERGE and INSPECT answer with: `name: value` lines, the last without its line end, or JSON.
std::string begun_text(const MergeTicket& ticket);
std::string merged_text(const MergeSummary& summary);
std::string inspection_text(const Inspection& inspection, bool is_json);

}  // namespace kv::server
