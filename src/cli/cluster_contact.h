#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/ask_at_once.h"
#include "cli/cluster_view.h"
#include "cli/console.h"
#include "kv/client.h"
#include "kv/result.h"

namespace kv::cli {

// One member's server, and no other in its place.
Result<Client> connect_to_member(const Common& common, const std::string& address);
// What it says of itself.
Result<MemberReport> ask_member(const Common& common, Client& client);
Result<MemberReport> ask_member(const Common& common, const std::string& address);

// The same of several, asked at once.
std::vector<Result<MemberReport>> ask_members(const Common& common,
                                              const std::vector<std::string>& addresses,
                                              Patience& patience);

// Asks every member that any of those named knows. The error: nobody answered, or no member did.
Result<ClusterView> look_at_cluster(const Common& common);

// Members that are asked over and over, each over one connection.
class ClusterWatch {
 public:
  ClusterWatch(const Common& common, const ClusterView& view);
  // The one that serves in the latest term of all.
  std::optional<MemberReport> leader();

 private:
  const Common& common_;
  std::vector<Client> clients_;
};

}  // namespace kv::cli
