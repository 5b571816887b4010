#pragma once

#include <optional>
#include <string>

#include "cli/start_flags.h"
#include "cluster/cluster_node.h"
#include "kv/result.h"

namespace kv::cli {

// What a node needs to know before it can wait to be added: which cluster it is, by the word of one
// of its members. kUnavailable: none of them answers; kInvalidArgument: the flags do not say where
// this node is to be found, or no member of a cluster is there.
Result<cluster::ClusterNode::Settings::Join> ask_to_join(const StartFlags& flags);

// The cluster, in hexadecimal, whose members the servers of --join are; nullopt: --join is not
// given, or nobody answers at once.
std::optional<std::string> cluster_to_join(const StartFlags& flags);

}  // namespace kv::cli
