// cluster status, cluster transfer: who leads, and to have another one lead. The other commands are
// in cluster_admin.cc.

#include <chrono>
#include <thread>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "cli/cluster_admin.h"
#include "cli/cluster_contact.h"
#include "cli/commands.h"
#include "cli/quantity.h"

namespace kv::cli {

namespace {

using Clock = std::chrono::steady_clock;

std::string founding_text(const MemberReport& report) {
  std::vector<std::uint64_t> missing;
  for (const MemberReport::Peer& peer : report.peers) {
    if (!peer.is_connected) missing.push_back(peer.node_id);
  }
  const std::string begins = "a cluster begins when each of --peers has let in all the others";
  if (missing.empty()) return begins + ", which takes a moment";
  return fmt::format("{}; node {} is not let in by node {} yet: start that, and see its log",
                     begins, report.node_id, fmt::join(missing, ", "));
}

// Nobody that can be reached leads.
std::string why_nobody_leads(const ClusterView& view) {
  if (const auto hidden = view.hidden_leader()) return hidden->text();
  for (const auto& [id, member] : view.members()) {
    if (member.report && member.report->role == "founding") return founding_text(*member.report);
  }
  std::string outside;
  for (const auto& [id, member] : view.members()) {
    if (!member.report) continue;
    if (member.report->role == "waiting") {
      outside = fmt::format("node {} waits to be added: `kv cluster add {}={} --addr A-MEMBER`", id,
                            id, member.address);
    } else if (member.report->role == "refused") {
      outside = fmt::format(
          "node {} was removed from its cluster, or its disk was wiped; ask a member", id);
    } else {
      return "nobody leads; while a majority of the members is there they elect one by themselves";
    }
  }
  return outside;
}

int run_status(const Common& common) {
  const auto view = look_at_cluster(common);
  if (!view) return fail(view.error());
  say(common.is_json ? view->as_json() : view->as_table());
  if (view->leader() != nullptr) return kExitOk;
  complain(why_nobody_leads(*view));
  return kExitTryLater;
}

int report_transfer(const Common& common, const MemberReport& from, const MemberReport& to,
                    std::uint64_t wanted, std::chrono::milliseconds taken) {
  const bool is_other = wanted != 0 && to.node_id != wanted;
  if (common.is_json) {
    say(nlohmann::ordered_json{
            {"from", from.node_id}, {"to", to.node_id}, {"term", to.term}, {"ms", taken.count()}}
            .dump() +
        "\n");
  } else if (!common.is_quiet && !is_other) {
    say(fmt::format("node {} leads in term {}; nobody took writes for {} ms at most\n", to.node_id,
                    to.term, taken.count()));
  }
  if (!is_other) return kExitOk;
  complain(fmt::format("node {} leads in term {}, not node {}, which was behind or out of reach",
                       to.node_id, to.term, wanted));
  return kExitTryLater;
}

}  // namespace

int run_transfer(const Common& common, const TransferFlags& flags) {
  const auto view = look_at_cluster(common);
  if (!view) return fail(view.error());
  const ClusterView::Member* const leader = view->leader();
  if (leader == nullptr) {
    const auto hidden = view->hidden_leader();
    complain(hidden ? hidden->text()
                    : "nobody leads, so that there is nothing to hand over; `kv cluster status` "
                      "tells more");
    return kExitTryLater;
  }
  const MemberReport& from = *leader->report;
  if (flags.node_id == from.node_id) {
    if (!common.is_json && !common.is_quiet) {
      say(fmt::format("node {} leads already, in term {}; nothing was handed over\n", from.node_id,
                      from.term));
      return kExitOk;
    }
    return report_transfer(common, from, from, 0, std::chrono::milliseconds(0));
  }
  ClusterWatch watch(common, *view);
  auto client = connect_to_member(common, leader->address);
  if (!client) return fail_to_connect(client.error());
  const auto end = Clock::now() + *parse_duration(flags.wait);
  // A member that has just started takes no lead yet, and the leader gives up after an election
  // timeout. To ask it again while it is still at it does nothing.
  constexpr std::chrono::milliseconds kAgain{500};
  std::optional<Clock::time_point> begun;
  while (Clock::now() < end) {
    const auto to = watch.leader();
    if (to && begun && to->term > from.term) {
      return report_transfer(
          common, from, *to, flags.node_id,
          std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - *begun));
    }
    if (!begun || (to && Clock::now() >= *begun + kAgain)) {
      const auto now = Clock::now();
      const auto asked = client->transfer(flags.node_id);
      // Asked again it may have handed over meanwhile.
      const bool has_left = begun && !asked && asked.error().code == Errc::kNotLeader;
      if (!asked && !has_left) return fail(asked.error());
      if (!has_left) begun = now;
    }
    constexpr std::chrono::milliseconds kBetween{5};
    std::this_thread::sleep_for(kBetween);
  }
  complain(fmt::format("after {} no other member leads; `kv cluster status` tells who is behind",
                       flags.wait));
  return kExitTryLater;
}

void add_cluster(CLI::App& app, Common& common, Run& run) {
  CLI::App* cluster =
      app.add_subcommand("cluster", "who leads a cluster, a new leader for it, other members");
  cluster->require_subcommand(1);
  cluster->fallthrough();
  cluster->add_subcommand("status", "ask each member what it is and how far it is")
      ->callback([&common, &run] { run = [&common] { return run_status(common); }; });
  auto flags = std::make_shared<TransferFlags>();
  CLI::App* transfer =
      cluster->add_subcommand("transfer", "have another member lead, and wait until it does");
  transfer->add_option("NODE", flags->node_id, "its number; else the one with most of the log")
      ->check(at_least_one);
  add_wait(*transfer, flags->wait);
  transfer->callback(
      [=, &common, &run] { run = [=, &common] { return run_transfer(common, *flags); }; });
  add_cluster_admin(*cluster, common, run);
}

}  // namespace kv::cli
