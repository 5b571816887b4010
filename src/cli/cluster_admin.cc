// cluster add, remove, failover, init: who the members are, and a leader when there is none.

#include "cli/cluster_admin.h"

#include <chrono>
#include <functional>
#include <thread>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "cli/cluster_contact.h"
#include "cli/quantity.h"
#include "cluster/peer_list.h"

namespace kv::cli {

namespace {

using Clock = std::chrono::steady_clock;
using Json = nlohmann::ordered_json;

constexpr std::chrono::milliseconds kBetween{100};

struct AddFlags {
  std::string member;
  std::string wait = "60s";
};

struct RemoveFlags {
  std::uint64_t node_id = 0;
  bool is_forced = false;
  std::string wait = "10s";
};

struct FailoverFlags {
  std::string wait = "10s";
};

struct CompareFlags {
  std::string wait = "30s";
};

struct InitFlags {
  std::vector<std::string> members;
};

// Until `try_once` says so, or for as long as `wait`. False: it never did.
bool wait_until(const std::string& wait, const std::function<bool()>& try_once) {
  const auto end = Clock::now() + *parse_duration(wait);
  while (!try_once()) {
    if (Clock::now() >= end) return false;
    std::this_thread::sleep_for(kBetween);
  }
  return true;
}

void tell(const Common& common, const Json& json, const std::string& text) {
  if (common.is_json) {
    say(json.dump() + "\n");
  } else if (!common.is_quiet) {
    say(text + "\n");
  }
}

// By whoever leads; nullopt: nobody does, or cannot be reached.
std::optional<MemberReport> leader_of(const Common& common) {
  const auto view = look_at_cluster(common);
  if (!view || view->leader() == nullptr) return std::nullopt;
  return view->leader()->report;
}

// Makes the call at whoever leads, again while that may help. nullopt: it was done.
using Call = std::function<Result<void>(Client&)>;
std::optional<Error> at_leader(const Common& common, const std::string& wait, const Call& call) {
  std::optional<Error> problem;
  wait_until(wait, [&] {
    const auto view = look_at_cluster(common);
    if (!view) problem = view.error();
    if (!view) return false;
    problem = Error{Errc::kTryLater, "nobody leads; `kv cluster status` tells who is there", {}};
    if (const auto hidden = view->hidden_leader()) problem->context = hidden->text();
    if (view->leader() == nullptr) return false;
    auto client = connect_to_member(common, view->leader()->address);
    auto done = client ? call(*client) : Result<void>(tl::unexpected(client.error()));
    problem = done ? std::nullopt : std::optional(done.error());
    return done || done.error().code == Errc::kInvalidArgument;
  });
  return problem;
}

// What the node says that is to be added, if it may be.
Result<MemberReport> ask_newcomer(const Common& common, const format::Member& member,
                                  const ClusterView& view) {
  const auto wrong = [](std::string text) {
    return tl::unexpected(Error{Errc::kInvalidArgument, std::move(text), {}});
  };
  auto report = ask_member(common, member.client_address);
  if (!report) {
    return tl::unexpected(
        Error{report.error().code,
              fmt::format("{}; the new node must run before it is added: `kv start --data DIR "
                          "--node-id {} --listen {} --join {}` on its machine, with an empty DIR",
                          describe(report.error()), member.node_id, member.client_address,
                          common.address),
              {}});
  }
  if (report->node_id != member.node_id) {
    return wrong(fmt::format("the node at {} is number {}, not {}", member.client_address,
                             report->node_id, member.node_id));
  }
  for (const auto& [id, known] : view.members()) {
    if (!known.report || known.report->cluster_id == report->cluster_id) continue;
    const bool is_waiting = report->role == "waiting";
    return wrong(fmt::format(
        "the node at {} {} another cluster, {}, and not this one, {}; {}start it with an empty "
        "directory and --join {}",
        member.client_address,
        is_waiting ? "waits for" : fmt::format("is {}, as its directory says, of", report->role),
        report->cluster_id, known.report->cluster_id,
        is_waiting ? ""
                   : "if it is not needed there any more, remove it from that one, stop it, and ",
        known.address));
  }
  return report;
}

// The log it lacks is on its way; once it has it, it votes.
int await_vote(const Common& common, const AddFlags& flags, std::uint64_t node_id) {
  std::optional<MemberReport::Peer> seen;
  const bool votes = wait_until(flags.wait, [&] {
    const auto leader = leader_of(common);
    if (!leader) return false;
    const MemberReport::Peer* const peer = leader->peer(node_id);
    if (peer != nullptr) seen = *peer;
    // Who leads is no other member of itself.
    const bool is_voter = leader->node_id == node_id || (peer != nullptr && !peer->is_learner);
    return is_voter && leader->is_settled();
  });
  if (votes) {
    tell(common, {{"node", node_id}, {"role", "voter"}},
         fmt::format("node {} is a member, has the log, and votes", node_id));
    return kExitOk;
  }
  if (!seen) {
    complain(
        fmt::format("after {} node {} is no member; whether it becomes one `kv cluster status` "
                    "tells, and a majority of the members must be there for it",
                    flags.wait, node_id));
    return kExitTryLater;
  }
  if (!seen->is_connected) {
    complain(fmt::format(
        "node {0} is a member without a vote so far: the leader cannot connect to it at {1}; start "
        "it, or if it is not to be found there, `kv cluster remove {0}`, and add it with the right "
        "address",
        node_id, seen->peer_address));
    return kExitTryLater;
  }
  complain(
      fmt::format("node {} is a member without a vote so far: it lacks {} records, and votes "
                  "once it has caught up; `kv cluster status` tells how far it is",
                  node_id, seen->lag_records));
  return kExitTryLater;
}

int run_add(const Common& common, const AddFlags& flags) {
  const format::Member member = *cluster::parse_member(flags.member);
  const auto view = look_at_cluster(common);
  if (!view) return fail(view.error());
  const auto newcomer = ask_newcomer(common, member, *view);
  if (!newcomer) return fail(newcomer.error());
  const auto problem = at_leader(common, flags.wait, [&](Client& client) {
    return client.add_member(member.node_id, newcomer->node_uuid, member.peer_address,
                             member.client_address);
  });
  if (problem) return fail(*problem);
  return await_vote(common, flags, member.node_id);
}

// Rule M5. Who is to go hands over first, so that nobody waits for an election.
int give_lead_away(const Common& common, const RemoveFlags& flags) {
  const auto leader = leader_of(common);
  if (!leader || leader->node_id != flags.node_id || leader->peers.empty()) return kExitOk;
  Common silent = common;
  silent.is_quiet = true;
  silent.is_json = false;
  return run_transfer(silent, {.wait = flags.wait});
}

int run_remove(const Common& common, const RemoveFlags& flags) {
  if (const int code = give_lead_away(common, flags); code != kExitOk) return code;
  if (flags.is_forced) {
    complain(fmt::format(
        "forced: if too few of the other members are there, or come back, the cluster takes no "
        "writes any more, and writes that only node {} has are lost with it",
        flags.node_id));
  }
  const auto problem = at_leader(common, flags.wait, [&](Client& client) {
    return client.remove_member(flags.node_id, flags.is_forced);
  });
  if (problem) return fail(*problem);
  const bool is_gone = wait_until(flags.wait, [&] {
    const auto leader = leader_of(common);
    return leader && leader->node_id != flags.node_id && leader->peer(flags.node_id) == nullptr &&
           leader->is_settled();
  });
  if (!is_gone) {
    complain(
        fmt::format("the removal of node {} is begun, and not committed after {}: a majority "
                    "of the other members must be there; `kv cluster status` tells who is",
                    flags.node_id, flags.wait));
    return kExitTryLater;
  }
  tell(common, {{"node", flags.node_id}, {"role", "none"}},
       fmt::format("node {} is no member any more; stop it. No member needs its directory: delete "
                   "it, or keep it as it is. To be added again it starts with an empty one and "
                   "--join",
                   flags.node_id));
  return kExitOk;
}

// Whoever is asked campaigns; the others vote for it if they hear no leader either.
int run_failover(const Common& common, const FailoverFlags& flags) {
  if (leader_of(common)) return run_transfer(common, {.wait = flags.wait});
  std::optional<Error> refusal;
  std::optional<MemberReport> leader;
  wait_until(flags.wait, [&] {
    leader = leader_of(common);
    if (leader) return true;
    const auto view = look_at_cluster(common);
    if (!view) refusal = view.error();
    if (!view) return false;
    for (const auto& [id, member] : view->members()) {
      if (!member.report) continue;
      auto client = connect_to_member(common, member.address);
      const auto asked = client ? client->campaign() : Result<void>(tl::unexpected(client.error()));
      if (asked) break;
      refusal = asked.error();
    }
    return false;
  });
  if (leader) {
    tell(common, {{"to", leader->node_id}, {"term", leader->term}},
         fmt::format("node {} leads in term {}", leader->node_id, leader->term));
    return kExitOk;
  }
  complain(
      fmt::format("after {} nobody leads{}; a majority of the members must be there: start "
                  "them, `kv cluster status` tells who is missing",
                  flags.wait, refusal ? ": " + describe(*refusal) : ""));
  return kExitTryLater;
}

// As of a record that the leader writes for it.
int run_compare(const Common& common, const CompareFlags& flags) {
  Version version = 0;
  const auto problem = at_leader(common, flags.wait, [&](Client& client) {
    return client.compare().map([&](Version begun) { version = begun; });
  });
  if (problem) return fail(*problem);
  std::optional<MemberReport> leader;
  std::size_t members = 0;
  wait_until(flags.wait, [&] {
    leader = leader_of(common);
    members = leader ? leader->peers.size() + 1 : 0;
    return leader && leader->compared >= version && leader->compared_members == members;
  });
  const bool was_compared = leader && leader->compared >= version;
  const std::uint64_t same = was_compared ? leader->compared_members : 0;
  if (was_compared && same == members) {
    tell(common, {{"ver", version}, {"members", members}, {"same", same}},
         fmt::format("all {} members hold the same as of ver={}", members, version));
    return kExitOk;
  }
  complain(fmt::format(
      "after {} it is known of {} of {} members that they hold the same as of ver={}; the "
      "others are still at it, not there, or differ, which the leader's log file says: who "
      "differs begins anew",
      flags.wait, same, members, version));
  return kExitTryLater;
}

// A cluster is made by starting its first members with one list. This says how, for those that do
// not run, and of those that do, whether they are that cluster.
int run_init(const Common& common, const InitFlags& flags) {
  std::string list;
  for (const std::string& one : flags.members) list += (list.empty() ? "" : ",") + one;
  const auto wanted = cluster::parse_peer_list(list);
  if (!wanted) return fail(wanted.error());
  std::vector<std::string> missing;
  std::string cluster_id;
  std::vector<std::string> addresses;
  for (const format::Member& member : wanted->members) addresses.push_back(member.client_address);
  Patience patience;
  const auto reports = ask_members(common, addresses, patience);
  for (std::size_t i = 0; i < reports.size(); ++i) {
    const format::Member& member = wanted->members[i];
    const Result<MemberReport>& report = reports[i];
    if (!report && report.error().code == Errc::kInvalidArgument) {
      complain(fmt::format("{}: {}; stop it, and start it with an empty directory as below",
                           member.client_address, describe(report.error())));
    }
    if (!report) {
      missing.push_back(fmt::format("kv start --data n{} --node-id {} --peers {}", member.node_id,
                                    member.node_id, list));
      continue;
    }
    if (report->role == "refused") {
      complain(
          fmt::format("the others refuse node {} at {}: its disk is another one than they know; "
                      "`kv cluster remove {}`, then start it with an empty directory and --join, "
                      "and `kv cluster add` it",
                      member.node_id, member.client_address, member.node_id));
      return kExitServerError;
    }
    const bool fits = report->node_id == member.node_id &&
                      (cluster_id.empty() || cluster_id == report->cluster_id) &&
                      report->peers.size() + 1 == wanted->members.size();
    if (!fits) {
      complain(fmt::format(
          "the node at {} is number {} of a cluster of {} members, {}; every "
          "member is started with the same list, in an empty directory",
          member.client_address, report->node_id, report->peers.size() + 1, report->cluster_id));
      return kExitServerError;
    }
    cluster_id = report->cluster_id;
  }
  if (missing.empty()) {
    tell(common, {{"cluster", cluster_id}, {"members", wanted->members.size()}},
         fmt::format("all {} members run, and are one cluster; `kv cluster status` tells who leads",
                     wanted->members.size()));
    return kExitOk;
  }
  if (common.is_json) {
    say(Json{{"start", missing}}.dump() + "\n");
    return kExitTryLater;
  }
  for (const std::string& command : missing) say(command + "\n");
  complain(
      fmt::format("{} of {} members do not run; start each on its machine, as above, with "
                  "--insecure where others have to reach it; then ask again",
                  missing.size(), wanted->members.size()));
  return kExitTryLater;
}

std::string problem_with_member(const std::string& text) {
  const auto member = cluster::parse_member(text);
  return member ? std::string() : describe(member.error());
}

}  // namespace

void add_wait(CLI::App& command, std::string& wait) {
  command.add_option("--wait", wait, "how long, as 10s or 500ms")
      ->check([](const std::string& text) {
        return parse_duration(text) ? std::string() : text + " is no duration such as 10s or 500ms";
      })
      ->capture_default_str();
}

void add_cluster_admin(CLI::App& cluster, Common& common, Run& run) {
  auto add = std::make_shared<AddFlags>();
  CLI::App* command = cluster.add_subcommand(
      "add", "make a node that was started with --join a member, and wait until it votes");
  command->add_option("MEMBER", add->member, "NODE=HOST:PORT, or NODE=HOST:PORT/PEERPORT")
      ->required()
      ->check(problem_with_member);
  add_wait(*command, add->wait);
  command->callback([=, &common, &run] { run = [=, &common] { return run_add(common, *add); }; });

  auto remove = std::make_shared<RemoveFlags>();
  command = cluster.add_subcommand("remove", "have a node be a member no more");
  command->add_option("NODE", remove->node_id, "its number")->required()->check(at_least_one);
  command->add_flag("--force", remove->is_forced,
                    "even if the rest has no majority that is there: the cluster may never take "
                    "writes again");
  add_wait(*command, remove->wait);
  command->callback(
      [=, &common, &run] { run = [=, &common] { return run_remove(common, *remove); }; });

  auto failover = std::make_shared<FailoverFlags>();
  command = cluster.add_subcommand(
      "failover", "have the best other member lead; where nobody leads, have them vote at once");
  add_wait(*command, failover->wait);
  command->callback(
      [=, &common, &run] { run = [=, &common] { return run_failover(common, *failover); }; });

  auto compare = std::make_shared<CompareFlags>();
  command = cluster.add_subcommand(
      "compare", "whether all members hold the same; one that differs begins anew");
  add_wait(*command, compare->wait);
  command->callback(
      [=, &common, &run] { run = [=, &common] { return run_compare(common, *compare); }; });

  auto init = std::make_shared<InitFlags>();
  command = cluster.add_subcommand(
      "init", "say how to start the first members of a cluster, or that they are one");
  command->add_option("MEMBERS", init->members, "1=HOST:PORT 2=HOST:PORT 3=HOST:PORT")
      ->required()
      ->check(problem_with_member);
  command->callback([=, &common, &run] { run = [=, &common] { return run_init(common, *init); }; });
}

}  // namespace kv::cli
