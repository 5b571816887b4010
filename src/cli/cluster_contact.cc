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

std::vector<Result<MemberReport>> ask_members(const Common& common,
                                              const std::vector<std::string>& addresses,
                                              Patience& patience) {
  const auto ask = [common](const std::string& address) { return ask_member(common, address); };
  return ask_at_once<MemberReport>(addresses, ask, patience, [](const auto&) { return false; });
}

Result<ClusterView> look_at_cluster(const Common& common) {
  auto addresses = client::parse_addresses(common.address);
  if (!addresses) return tl::unexpected(std::move(addresses).error());
  ClusterView view(std::move(*addresses));
  Patience patience;
  std::optional<Error> problem;
  for (;;) {
    std::vector<std::string> round;
    while (auto address = view.next()) round.push_back(std::move(*address));
    if (round.empty()) break;
    auto reports = ask_members(common, round, patience);
    for (std::size_t i = 0; i < round.size(); ++i) {
      auto added = reports[i] ? view.add(round[i], std::move(*reports[i]))
                              : Result<void>(tl::unexpected(reports[i].error()));
      if (added) continue;
      Error& error = added.error();
      view.add_silent(round[i], describe(error));
      // Who does not answer is a row of the table; who answers and is no member is told here.
      if (!view.members().empty() && error.code == Errc::kInvalidArgument) {
        complain(fmt::format("{}: {}", round[i], describe(error)));
      }
      if (!problem) problem = std::move(error);
    }
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
