#include "cli/start_warnings.h"

#include <fmt/format.h>

#include "cli/join.h"

namespace kv::cli {

namespace {

std::string_view port_of(std::string_view address) {
  return address.substr(address.rfind(':') + 1);
}

}  // namespace

// Hosts may differ: it may listen at all of a machine's, or behind others. Ports seldom do.
void warn_of_address(const server::ReplicationStatus& status, const std::string& address,
                     ServerLog& log) {
  const std::string& known = status.own_address;
  if (known.empty() || port_of(known) == port_of(address)) return;
  log.warn("members send clients elsewhere",
           fmt::format("address={} known={} action=\"--listen {}; or remove this member and add it "
                       "again with its new address\"",
                       address, known, known));
}

// --join stays in unit files, and a member starts whoever answers there; but who points it at
// another cluster is to know that it is none of that.
void warn_of_join(const StartFlags& flags, const server::ReplicationStatus& status,
                  ServerLog& log) {
  const auto asked = cluster_to_join(flags);
  if (!asked || *asked == status.cluster_id) return;
  log.warn("join not counted",
           fmt::format("asked={} cluster={} action=\"this directory is a member's of another "
                       "cluster; leave --join out, or join with an empty directory, which --data "
                       "names\"",
                       *asked, status.cluster_id));
}

}  // namespace kv::cli
