#include "cli/cluster_contact.h"

#include <utility>

#include <fmt/format.h>

#include "client/address.h"

namespace kv::cli {

Result<Client> connect_to_member(const Common& common, const std::string& address) {
  Common one = common;
  one.address = address;
  return connect(one);
}

Result<MemberReport> ask_member(const Common& common, Client& client) {
  return retried(common, [&] { return client.stats("json", "replication"); })
      .and_then([](const std::string& page) { return parse_member_report(page); });
}

Result<MemberReport> ask_member(const Common& common, const std::string& address) {
  return connect_to_member(common, address).and_then([&](Client client) {
    return ask_member(common, client);
  });
}

Result<ClusterView> look_at_cluster(const Common& common) {
  auto addresses = client::parse_addresses(common.address);
  if (!addresses) return tl::unexpected(std::move(addresses).error());
  ClusterView view(std::move(*addresses));
  std::optional<Error> problem;
  while (const auto address = view.next()) {
    auto report = ask_member(common, *address);
    auto added = report ? view.add(*address, std::move(*report))
                        : Result<void>(tl::unexpected(report.error()));
    if (added) continue;
    Error& error = added.error();
    // Who does not answer is a row of the table; who answers and is no member is told here.
    if (!view.members().empty() && error.code == Errc::kInvalidArgument) {
      complain(fmt::format("{}: {}", *address, describe(error)));
    }
    if (!problem) problem = std::move(error);
  }
  if (view.members().empty()) return tl::unexpected(std::move(*problem));
  return view;
}

ClusterWatch::ClusterWatch(const Common& common, const ClusterView& view) : common_(common) {
  for (const auto& [id, member] : view.members()) {
    if (!member.report) continue;
    if (auto client = connect_to_member(common, member.address)) {
      clients_.push_back(std::move(*client));
    }
  }
}

std::optional<MemberReport> ClusterWatch::leader() {
  std::optional<MemberReport> latest;
  for (Client& client : clients_) {
    auto report = ask_member(common_, client);
    if (!report || !report->is_serving || (latest && latest->term > report->term)) continue;
    latest = std::move(*report);
  }
  return latest;
}

}  // namespace kv::cli
