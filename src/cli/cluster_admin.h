#pragma once

#include <cstdint>
#include <string>

#include "cli/commands.h"

namespace kv::cli {

struct TransferFlags {
  std::uint64_t node_id = 0;  // 0: the member that has most of the log
  std::string wait = "10s";
};
// cluster transfer.
int run_transfer(const Common& common, const TransferFlags& flags);

// Adds `--wait` to a command of the cluster.
void add_wait(CLI::App& command, std::string& wait);
// cluster add, remove, failover and init.
void add_cluster_admin(CLI::App& cluster, Common& common, Run& run);

}  // namespace kv::cli
