#pragma once

#include <string>

#include "server/cluster_member.h"
#include "server/server_options.h"

namespace kv::server {

// The fields of HELLO's reply; `cluster` null: a server alone, the leader of epoch 0.
std::string hello_fields(const ServerOptions& options, const ClusterMember* cluster);

}  // namespace kv::server
