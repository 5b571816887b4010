// cluster status, cluster transfer: who leads, and to have another one lead.

#include <chrono>
#include <thread>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "cli/cluster_view.h"
#include "cli/commands.h"
#include "cli/quantity.h"

namespace kv::cli {

namespace {

using Clock = std::chrono::steady_clock;

struct TransferFlags {
  std::uint64_t node_id = 0;  // 0: the member that has most of the log
  std::string wait = "10s";
};

// One member's server, and no other in its place.
Result<Client> connect_to(const Common& common, const std::string& address) {
  Common one = common;
  one.address = address;
  return connect(one);
}

Result<MemberReport> ask(const Common& common, Client& client) {
  return retried(common, [&] { return client.stats("json", "replication"); })
      .and_then([](const std::string& page) { return parse_member_report(page); });
}

Result<MemberReport> ask(const Common& common, const std::string& address) {
  return connect_to(common, address).and_then([&](Client client) { return ask(common, client); });
}

std::vector<std::string> split(std::string_view addresses) {
  std::vector<std::string> out;
  for (;;) {
    const std::size_t comma = addresses.find(',');
    out.emplace_back(addresses.substr(0, comma));
    if (comma == std::string_view::npos) return out;
    addresses.remove_prefix(comma + 1);
  }
}

// Asks every member that any of them knows. The error: nobody answered, or no member did.
Result<ClusterView> look(const Common& common) {
  ClusterView view(split(common.address));
  std::optional<Error> problem;
  while (const auto address = view.next()) {
    auto report = ask(common, *address);
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

int run_status(const Common& common) {
  const auto view = look(common);
  if (!view) return fail(view.error());
  say(common.is_json ? view->as_json() : view->as_table());
  if (view->leader() != nullptr) return kExitOk;
  complain("nobody leads; while a majority of the members is there they elect one by themselves");
  return kExitTryLater;
}

// Members that are asked over and over, each over one connection.
class Watch {
 public:
  Watch(const Common& common, const ClusterView& view) : common_(common) {
    for (const auto& [id, member] : view.members()) {
      if (!member.report) continue;
      if (auto client = connect_to(common, member.address)) clients_.push_back(std::move(*client));
    }
  }

  // The one that serves in the latest term of all.
  std::optional<MemberReport> leader() {
    std::optional<MemberReport> latest;
    for (Client& client : clients_) {
      auto report = ask(common_, client);
      if (!report || !report->is_serving || (latest && latest->term > report->term)) continue;
      latest = std::move(*report);
    }
    return latest;
  }

 private:
  const Common& common_;
  std::vector<Client> clients_;
};

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

int run_transfer(const Common& common, const TransferFlags& flags) {
  const auto view = look(common);
  if (!view) return fail(view.error());
  const ClusterView::Member* const leader = view->leader();
  if (leader == nullptr) {
    complain("nobody leads, so that there is nothing to hand over; `kv cluster status` tells more");
    return kExitTryLater;
  }
  const MemberReport& from = *leader->report;
  if (flags.node_id == from.node_id) {
    return report_transfer(common, from, from, 0, std::chrono::milliseconds(0));
  }
  Watch watch(common, *view);
  auto client = connect_to(common, leader->address);
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

}  // namespace

void add_cluster(CLI::App& app, Common& common, Run& run) {
  CLI::App* cluster = app.add_subcommand("cluster", "who leads a cluster, and a new leader for it");
  cluster->require_subcommand(1);
  cluster->fallthrough();
  cluster->add_subcommand("status", "ask each member what it is and how far it is")
      ->callback([&common, &run] { run = [&common] { return run_status(common); }; });
  auto flags = std::make_shared<TransferFlags>();
  CLI::App* transfer =
      cluster->add_subcommand("transfer", "have another member lead, and wait until it does");
  transfer->add_option("NODE", flags->node_id, "its number; else the one with most of the log")
      ->check(at_least_one);
  transfer->add_option("--wait", flags->wait, "how long, as 10s or 500ms")
      ->check([](const std::string& text) {
        return parse_duration(text) ? std::string() : text + " is no duration such as 10s or 500ms";
      })
      ->capture_default_str();
  transfer->callback(
      [=, &common, &run] { run = [=, &common] { return run_transfer(common, *flags); }; });
}

}  // namespace kv::cli
