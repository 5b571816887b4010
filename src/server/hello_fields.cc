#include "server/hello_fields.h"

#include <fmt/format.h>

namespace kv::server {

std::string hello_fields(const ServerOptions& options, const ClusterMember* cluster) {
  std::string node = options.node;
  std::string role = "leader";
  std::string leader;
  std::uint64_t epoch = 0;
  if (cluster != nullptr) {
    const ReplicationStatus status = cluster->status();
    node = fmt::format("n{}", status.node_id);
    role = status.role;
    epoch = status.term;
    leader = fmt::format(" leader={}", status.leader_address.empty() ? "-" : status.leader_address);
  }
  const protocol::Limits& limits = options.limits;
  return fmt::format(
      "v=1 server=kv/{} node={} role={} epoch={}{} max_header={} max_key={} max_value={} "
      "max_batch={} max_inflight={} "
      "feats=range,prefix,bput,cas,merge,inspect,verify,backup,cluster,session",
      options.version, node, role, epoch, leader, limits.header_max, limits.key_max,
      limits.value_max, limits.batch_max, limits.inflight_max);
}

}  // namespace kv::server
