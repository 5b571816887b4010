#include "cli/leader_finder.h"

#include <optional>
#include <string>

#include "cli/cluster_contact.h"
#include "protocol/reply.h"

namespace kv::cli {

namespace {

// Who leads a cluster, by the word of all members that were heard of last.
class LeaderFinder {
 public:
  explicit LeaderFinder(const Common& common) : common_(common) {
    common_.retries = 0;
    // Who is slower than that is left out this time; it is asked again soon.
    constexpr std::chrono::seconds kTimeout{1};
    if (common_.timeout() > kTimeout) common_.timeout_text = "1s";
  }
  std::optional<std::string> operator()() {
    const auto view = look_at_cluster(common_);
    if (!view) return std::nullopt;
    std::string known;
    for (const auto& [id, member] : view->members()) {
      if (member.address.empty()) continue;
      known += (known.empty() ? "" : ",") + member.address;
    }
    common_.address = known;
    const auto* const leader = view->leader();
    return leader == nullptr ? std::nullopt : std::optional(leader->address);
  }

 private:
  Common common_;
};

}  // namespace

Result<void> find_server(const Common& common, bench::DriverOptions& driver) {
  auto client = connect(common);
  auto leader = client ? client->leader() : Result<std::string>(tl::unexpected(client.error()));
  const auto fields = leader ? client->hello() : leader;
  if (!fields) return tl::unexpected(fields.error());
  driver.address = *leader;
  if (!protocol::field(*fields, "leader")) return {};
  LeaderFinder find(common);
  find();  // who the others are is to be known when this one is gone
  driver.find_leader = find;
  driver.patience = common.retry_for();
  return {};
}

}  // namespace kv::cli
