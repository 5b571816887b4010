#include "cli/cluster_view.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "cli/quantity.h"
#include "cli/table.h"

namespace kv::cli {

namespace {

using Json = nlohmann::ordered_json;

constexpr std::string_view kPeerName = "replication_peer_";

// 0: the name does not end in a number.
std::uint64_t number_behind(std::string_view name) {
  std::uint64_t number = 0;
  for (const char digit : name.substr(kPeerName.size())) {
    constexpr std::uint64_t kBase = 10;
    if (digit < '0' || digit > '9') return 0;
    number = number * kBase + static_cast<std::uint64_t>(digit - '0');
  }
  return number;
}

MemberReport::Peer peer_of(std::uint64_t node_id, const Json& page) {
  MemberReport::Peer peer;
  peer.node_id = node_id;
  peer.address = page.value("address", "");
  peer.peer_address = page.value("peer_address", "");
  peer.is_connected = page.value("connected", false);
  peer.is_learner = page.value("role", "") == "learner";
  peer.has_lag = page.contains("lag_records");
  peer.lag_records = page.value("lag_records", std::uint64_t{0});
  peer.lag_bytes = page.value("lag_bytes", std::uint64_t{0});
  peer.lag_seconds = page.value("lag_seconds", 0.0);
  return peer;
}

std::string receiving_text(double share) {
  constexpr double kPercent = 100;
  return fmt::format("receiving {:.0f} %", std::floor(kPercent * share));
}

MemberReport report_of(const Json& page) {
  const auto number = [&](const char* name) { return page.value(name, std::uint64_t{0}); };
  MemberReport report;
  report.cluster_id = page.value("replication_cluster", "");
  report.node_id = number("replication_node");
  report.node_uuid = page.value("replication_uuid", "");
  report.role = page.value("replication_role", "");
  report.term = number("replication_term");
  report.leader = number("replication_leader");
  report.is_serving = page.value("replication_serving", false);
  report.last = number("replication_last");
  report.commit = number("replication_commit");
  if (page.contains("replication_received_share")) {
    report.received_share = page.value("replication_received_share", 0.0);
  }
  report.compared = number("replication_compared");
  report.compared_members = number("replication_compared_members");
  report.members_since = number("replication_members_since");
  report.election_us = number("replication_election_us");
  if (page.value("replication_coordinator", "") == "etcd") {
    report.placement = {number("replication_holder"),
                        page.value("replication_etcd_reachable", false),
                        page.value("replication_may_campaign", false)};
  }
  for (const auto& [name, value] : page.items()) {
    if (!name.starts_with(kPeerName) || !value.is_object()) continue;
    report.peers.push_back(peer_of(number_behind(name), value));
  }
  return report;
}

}  // namespace

const MemberReport::Peer* MemberReport::peer(std::uint64_t id) const {
  const auto found = std::ranges::find(peers, id, &Peer::node_id);
  return found == peers.end() ? nullptr : &*found;
}

Result<MemberReport> parse_member_report(std::string_view json) {
  const Error no_page{Errc::kProtocol, "STATS did not answer as a member of a cluster does", {}};
  const Json page = Json::parse(json, nullptr, false);
  if (!page.is_object() || !page.contains("replication")) return tl::unexpected(no_page);
  try {
    MemberReport report = report_of(page["replication"]);
    if (report.role == "alone") {
      return tl::unexpected(
          Error{Errc::kInvalidArgument, "that server is no member of a cluster", {}});
    }
    if (report.node_id == 0) return tl::unexpected(no_page);
    return report;
  } catch (const Json::exception&) {  // a value of another type than it has
    return tl::unexpected(no_page);
  }
}

std::optional<std::string> ClusterView::next() {
  for (const std::string& address : given_) {
    if (asked_.insert(address).second) return address;
  }
  for (const auto& [id, member] : members_) {
    if (member.report || member.address.empty()) continue;
    if (asked_.insert(member.address).second) return member.address;
  }
  return std::nullopt;
}

Result<void> ClusterView::add(const std::string& address, MemberReport report) {
  if (cluster_id_.empty()) cluster_id_ = report.cluster_id;
  if (report.cluster_id != cluster_id_) {
    return tl::unexpected(Error{
        Errc::kInvalidArgument, fmt::format("{} is a member of another cluster", address), {}});
  }
  for (const MemberReport::Peer& peer : report.peers) {
    // Who waits to be added knows of some members only that they are there.
    Member& known = members_[peer.node_id];
    if (!peer.address.empty()) known.address = peer.address;
  }
  Member& member = members_[report.node_id];
  // What the others say is what it is called; asked it may have been under another name.
  if (member.address.empty()) member.address = address;
  member.report = std::move(report);
  return {};
}

void ClusterView::add_silent(const std::string& address, std::string problem) {
  silent_[address] = std::move(problem);
}

// By the newest word. Who leads by its own word and takes no writes yet is not hidden.
std::optional<ClusterView::HiddenLeader> ClusterView::hidden_leader() const {
  const MemberReport* told_by = nullptr;
  for (const auto& [id, member] : members_) {
    if (!member.report || member.report->leader == 0) continue;
    if (told_by == nullptr || member.report->term > told_by->term) told_by = &*member.report;
  }
  if (told_by == nullptr || leader() != nullptr) return std::nullopt;
  const auto found = members_.find(told_by->leader);
  if (found == members_.end() || found->second.report) return std::nullopt;
  const std::string& address = found->second.address;
  const auto problem = silent_.find(address);
  if (problem == silent_.end()) return std::nullopt;
  return HiddenLeader{told_by->leader, address, problem->second};
}

std::string ClusterView::HiddenLeader::text() const {
  return fmt::format("node {} leads at {}, but it cannot be reached from here: {}", node_id,
                     address, problem);
}

const ClusterView::Member* ClusterView::leader() const {
  const Member* leader = nullptr;
  for (const auto& [id, member] : members_) {
    if (!member.report || !member.report->is_serving) continue;
    if (leader == nullptr || member.report->term > leader->report->term) leader = &member;
  }
  return leader;
}

std::optional<MemberReport::Peer> ClusterView::lag_of(std::uint64_t node_id) const {
  const Member* const told_by = leader();
  if (told_by == nullptr) return std::nullopt;
  const auto& peers = told_by->report->peers;
  if (told_by->report->node_id == node_id) return MemberReport::Peer();
  const auto found = std::ranges::find(peers, node_id, &MemberReport::Peer::node_id);
  if (found == peers.end() || !found->has_lag) return std::nullopt;
  return *found;
}

bool ClusterView::is_outside(std::uint64_t node_id) const {
  const Member* const told_by = leader();
  return told_by != nullptr && told_by->report->node_id != node_id &&
         told_by->report->peer(node_id) == nullptr;
}

std::string ClusterView::role_of(std::uint64_t node_id) const {
  const auto& report = members_.at(node_id).report;
  if (!report) return "unreachable";
  return is_outside(node_id) && report->role != "waiting" ? "no member" : report->role;
}

// Whose word on the key counts: the leader's, if it heard of etcd last, or else somebody's who did.
// Null: nobody did.
const MemberReport* ClusterView::best_placed() const {
  const auto knows = [](const Member& member) {
    return member.report && member.report->placement && member.report->placement->is_reachable;
  };
  const Member* const first = leader();
  if (first != nullptr && knows(*first)) return &*first->report;
  for (const auto& [id, member] : members_) {
    if (knows(member)) return &*member.report;
  }
  return nullptr;
}

// Empty: nobody has leadership placed in etcd.
std::string ClusterView::placement_text() const {
  std::vector<std::uint64_t> cut_off;
  std::vector<std::uint64_t> without;
  bool is_any = false;
  for (const auto& [id, member] : members_) {
    if (!member.report) continue;
    const auto& placement = member.report->placement;
    is_any = is_any || placement;
    if (!placement) without.push_back(id);
    if (placement && !placement->is_reachable) cut_off.push_back(id);
  }
  if (!is_any) return "";
  const MemberReport* const told_by = best_placed();
  std::string text = "etcd  does not answer any member; who has the leadership key is not known";
  if (told_by != nullptr) {
    const std::uint64_t holder = told_by->placement->holder;
    text = holder == 0 ? "etcd  nobody has the leadership key"
                       : fmt::format("etcd  node {} has the leadership key", holder);
    if (!cut_off.empty()) text += fmt::format("; no answer for node {}", fmt::join(cut_off, ", "));
  }
  if (!without.empty()) {
    text += fmt::format("; node {} runs without --coordinator etcd", fmt::join(without, ", "));
  }
  return text + "\n";
}

std::string ClusterView::as_table() const {
  std::vector<std::vector<std::string>> rows = {
      {"node", "address", "role", "term", "last", "commit", "behind", "bytes", "for"}};
  for (const auto& [id, member] : members_) {
    std::vector<std::string> row = {fmt::format("{}", id), member.address};
    const auto& report = member.report;
    const bool is_receiving = report && report->received_share;
    row.push_back(is_receiving ? receiving_text(*report->received_share) : role_of(id));
    if (report) {
      for (const std::uint64_t number : {report->term, report->last, report->commit}) {
        row.push_back(fmt::format("{}", number));
      }
    } else {
      row.insert(row.end(), {"-", "-", "-"});
    }
    if (const auto lag = lag_of(id)) {
      row.push_back(fmt::format("{}", lag->lag_records));
      row.push_back(human_bytes(static_cast<double>(lag->lag_bytes)));
      row.push_back(fmt::format("{:.1f} s", lag->lag_seconds));
    } else {
      row.insert(row.end(), {"-", "-", "-"});
    }
    rows.push_back(std::move(row));
  }
  return table_text(rows) + placement_text();
}

std::string ClusterView::as_json() const {
  const Member* const first = leader();
  Json page = {{"cluster", cluster_id_},
               {"leader", first == nullptr ? 0 : first->report->node_id},
               {"term", first == nullptr ? 0 : first->report->term},
               {"coordinator", "quorum"},
               {"members", Json::array()}};
  if (const auto hidden = hidden_leader()) {
    page["hidden_leader"] = {
        {"node", hidden->node_id}, {"address", hidden->address}, {"problem", hidden->problem}};
  }
  for (const auto& [id, member] : members_) {
    Json one = {
        {"node", id}, {"address", member.address}, {"reachable", member.report.has_value()}};
    if (const auto& report = member.report) {
      one["role"] = role_of(id);
      one["term"] = report->term;
      one["last"] = report->last;
      one["commit"] = report->commit;
      if (report->received_share) one["received_share"] = *report->received_share;
      if (report->placement) {
        page["coordinator"] = "etcd";
        one["etcd_reachable"] = report->placement->is_reachable;
        one["may_campaign"] = report->placement->may_campaign;
      }
    }
    if (const auto lag = lag_of(id)) {
      one["lag_records"] = lag->lag_records;
      one["lag_bytes"] = lag->lag_bytes;
      one["lag_seconds"] = lag->lag_seconds;
    }
    page["members"].push_back(std::move(one));
  }
  if (const MemberReport* const told_by = best_placed())
    page["holder"] = told_by->placement->holder;
  return page.dump() + "\n";
}

}  // namespace kv::cli
