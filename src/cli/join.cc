#include "cli/join.h"

#include <utility>

#include <fmt/format.h>

#include "cli/cluster_contact.h"
#include "client/address.h"
#include "cluster/peer_list.h"

namespace kv::cli {

Result<cluster::ClusterNode::Settings::Join> ask_to_join(const StartFlags& flags) {
  const std::string port = flags.peer_port == 0 ? "" : fmt::format("/{}", flags.peer_port);
  auto self = cluster::parse_member(fmt::format("{}={}{}", flags.node_id, flags.listen, port));
  if (!self) {
    self.error().context += "; --listen and --peer-port say where this node is to be found";
    return tl::unexpected(std::move(self).error());
  }
  const auto addresses = client::parse_addresses(flags.join);
  if (!addresses) return tl::unexpected(addresses.error());
  std::optional<Error> problem;
  Patience patience;
  for (const auto& report : ask_members(Common(), *addresses, patience)) {
    const auto id = report ? base::uuid_from_hex(report->cluster_id) : std::nullopt;
    if (id) return cluster::ClusterNode::Settings::Join{*id, report->election_us, std::move(*self)};
    if (!report && !problem) problem = report.error();
  }
  Error error = problem.value_or(Error{Errc::kProtocol, "it names no cluster", {}});
  error.context = fmt::format("no member of a cluster answers at {}: {}; name one that runs",
                              flags.join, error.context);
  return tl::unexpected(std::move(error));
}

std::optional<std::string> cluster_to_join(const StartFlags& flags) {
  const auto addresses = client::parse_addresses(flags.join);
  if (!addresses) return std::nullopt;
  Common common;
  common.timeout_text = "1s";  // what waits for it is only a warning
  common.retries = 0;
  Patience patience;
  for (const auto& report : ask_members(common, *addresses, patience)) {
    if (report && base::uuid_from_hex(report->cluster_id)) return report->cluster_id;
  }
  return std::nullopt;
}

}  // namespace kv::cli
