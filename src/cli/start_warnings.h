#pragma once

#include <string>

#include "cli/server_log.h"
#include "cli/start_flags.h"
#include "server/cluster_member.h"

namespace kv::cli {

// What whoever starts a member may not have meant: it serves nevertheless.
void warn_of_address(const server::ReplicationStatus& status, const std::string& address,
                     ServerLog& log);
// Not for one that has just begun to wait to be added.
void warn_of_join(const StartFlags& flags, const server::ReplicationStatus& status, ServerLog& log);

}  // namespace kv::cli
