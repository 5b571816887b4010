// kv start: the composition root of the server.

#include <algorithm>
#include <ctime>
#include <filesystem>
#include <malloc.h>
#include <optional>
#include <unistd.h>
#include <utility>

#include <CLI/CLI.hpp>

#include "cli/banner.h"
#include "cli/commands.h"
#include "cli/descriptors.h"
#include "cli/detach.h"
#include "cli/join.h"
#include "cli/lock_file.h"
#include "cli/quantity.h"
#include "cli/served_store.h"
#include "cli/server_log.h"
#include "cli/start_flags.h"
#include "cli/start_warnings.h"
#include "cli/stop_signals.h"
#include "cluster/peer_list.h"
#include "kv/store.h"
#include "kv/version.h"
#include "server/server.h"

namespace kv::cli {

namespace {

Sync sync_of(const std::string& name) {
  return name == "none" ? Sync::kNone : name == "interval" ? Sync::kInterval : Sync::kDisk;
}

std::string utc_now() {
  char text[32];
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  ::gmtime_r(&now, &parts);
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
  return text;
}

int fail_bind(const Error& error) {
  std::string next;
  if (error.cause == std::errc::address_in_use) next = "; --listen 127.0.0.1:0 picks a free port";
  if (error.cause == std::errc::permission_denied) next = "; ports below 1024 are for root";
  if (error.cause == std::errc::address_not_available) next = "; name an address of this machine";
  complain(describe(error) + next);
  return error.code == Errc::kInvalidArgument ? kExitUsage : kExitServerError;
}

int fail_in_use(const StartFlags& flags, const Holder& holder) {
  std::string next;
  if (holder.is_server()) next = fmt::format("; `kv attach --addr {}` talks to it", holder.address);
  complain(fmt::format("data directory {}{}", in_use_text(flags.data, holder), next));
  return kExitServerError;
}

int fail_start(const StartFlags& flags, const Error& error) {
  if (error.code == Errc::kLocked) {
    if (const auto holder = find_holder(flags.data)) return fail_in_use(flags, *holder);
  }
  std::string next;
  if (error.code == Errc::kNoSpace) next = "; make room and start again";
  if (error.code == Errc::kNewerFormat)
    next = "; start it with the kv that wrote it, or a newer one";
  // The clients' address was taken before.
  if (error.cause == std::errc::address_in_use) {
    next = "; end what listens there, or give it another port";
  }
  if (error.cause == std::errc::address_not_available) next = "; name an address of this machine";
  if (error.code == Errc::kCorruption) {
    next = fmt::format(
        "; `kv verify --data {}` tells what is damaged, `kv salvage {} NEWDIR` makes a new "
        "database "
        "out of what is intact",
        flags.data, flags.data);
  }
  for (const std::errc cause :
       {std::errc::permission_denied, std::errc::not_a_directory,
        std::errc::no_such_file_or_directory, std::errc::read_only_file_system}) {
    if (error.cause == cause) next = "; --data names the directory, which must be writable";
  }
  complain(describe(error) + next);
  const int code = exit_code_of(error);
  return code == kExitIntegrity                 ? code
         : error.code == Errc::kInvalidArgument ? kExitUsage
                                                : kExitServerError;
}

server::ServerOptions server_options_of(const StartFlags& flags, ServerLog& log) {
  server::ServerOptions options;
  options.listen = flags.listen;
  options.is_insecure = flags.is_insecure;
  options.hears_resp = flags.resp != "off";
  if (flags.resp != "off" && flags.resp != "on") options.resp_listen = flags.resp;
  options.threads = flags.threads;
  options.connections_max = flags.connections_max;
  options.memory_max = *parse_size(flags.memory_max);
  options.idle_timeout = std::chrono::seconds(flags.idle_timeout_s);
  options.read_timeout = std::chrono::seconds(flags.read_timeout_s);
  options.session_ttl = std::chrono::seconds(flags.session_ttl_s);
  options.sync = sync_of(flags.sync);
  options.ack = flags.ack == "local" ? Ack::kLocal : Ack::kMajority;
  options.log = [&log](Event::Level level, std::string_view name, std::string_view details) {
    log.on_event({level, name, std::string(details)});
  };
  return options;
}

Options store_options_of(const StartFlags& flags, ServerLog& log, const std::string& holder) {
  Options options;
  options.sync = sync_of(flags.sync);
  options.sync_interval = std::chrono::milliseconds(flags.sync_interval_ms);
  options.segment_size_max = *parse_size(flags.segment_size);
  options.scrub_rate = *parse_size(flags.scrub_rate);
  options.space_reserve = *parse_size(flags.space_reserve);
  options.open_segments_max = flags.open_segments;
  if (flags.value_cache != "auto") options.value_cache_max = *parse_size(flags.value_cache);
  options.space_target = flags.space_target;
  options.merge_rate_max = *parse_size(flags.merge_rate);
  options.merges_automatically = flags.merge == "auto";
  options.holder = holder;
  options.listener = &log;
  return options;
}

// glibc keeps what was freed at the end of each thread's heap, and the more of it the larger the
// blocks were; after a merge or many deletes that would be most of the process.
void give_memory_back_early() {
  constexpr int kBlock = 1024 * 1024;  // larger ones are mapped, and gone when they are freed
  ::mallopt(M_MMAP_THRESHOLD, kBlock);
  ::mallopt(M_TRIM_THRESHOLD, kBlock);
}

// Fewer connections and open segments where the system allows too few descriptors.
StartFlags within_descriptors(StartFlags flags, ServerLog& log) {
  const std::uint64_t limit = raise_descriptor_limit();
  const auto shares = share_descriptors(limit, {flags.connections_max, flags.open_segments});
  if (shares.connections < flags.connections_max || shares.segments < flags.open_segments) {
    log.warn("few file descriptors",
             fmt::format("limit={} connections_max={} asked={} open_segments={} asked={} "
                         "action=\"raise the hard limit of open files\"",
                         limit, shares.connections, flags.connections_max, shares.segments,
                         flags.open_segments));
  }
  flags.connections_max = shares.connections;
  flags.open_segments = shares.segments;
  return flags;
}

// The peers of a flag that was checked.
format::Membership members_of(const StartFlags& flags) {
  format::Membership members = *cluster::parse_peer_list(flags.peers);
  members.election_us = flags.election_ms * 1000;
  return members;
}

// Once a directory is a member's it knows its cluster.
bool is_to_join(const StartFlags& flags) {
  return !flags.join.empty() && !cluster::client_address_of(flags.data);
}

// Where clients find this node, if it is a member of a cluster, or is to become one.
std::optional<std::string> member_address(const StartFlags& flags) {
  if (is_to_join(flags)) return flags.listen;
  if (flags.peers.empty()) return cluster::client_address_of(flags.data);
  for (const format::Member& member : members_of(flags).members) {
    if (member.node_id == flags.node_id) return member.client_address;
  }
  return flags.listen;  // opening it tells what is wrong
}

std::optional<cluster::EtcdSettings> etcd_settings_of(const StartFlags& flags) {
  if (flags.coordinator != "etcd") return std::nullopt;
  cluster::EtcdSettings settings;
  settings.endpoints = *etcd::parse_endpoints(flags.etcd_endpoints);
  settings.ttl = std::chrono::seconds(flags.etcd_ttl_s);
  settings.limit = std::chrono::milliseconds(flags.etcd_limit_ms);
  settings.policy =
      flags.etcd_gate == "strict" ? etcd::Gate::Policy::kStrict : etcd::Gate::Policy::kFailsafe;
  return settings;
}

// Flags that want each other; empty: they are together.
std::string problem_with_coordinator(const StartFlags& flags) {
  const bool is_etcd = flags.coordinator == "etcd";
  if (is_etcd && flags.etcd_endpoints.empty()) {
    return "--coordinator etcd needs to know where that is: --etcd-endpoints HOST:PORT,HOST:PORT";
  }
  if (!is_etcd && !flags.etcd_endpoints.empty()) {
    return "--etcd-endpoints is for --coordinator etcd; give both or none";
  }
  return {};
}

// What the log on disk has is not known any more: others go on, and a restart finds out (rule D3).
[[noreturn]] void end_at_once(const Error&) { std::_Exit(kExitServerError); }

Result<ServedStore> open_store(const StartFlags& flags, ServerLog& log, StopSignals& signals,
                               const std::string& holder, bool is_member) {
  const Options options = store_options_of(flags, log, holder);
  if (!is_member) return ServedStore::open_alone(flags.data, options);
  cluster::ClusterNode::Settings settings;
  settings.directory = flags.data;
  settings.store = options;
  settings.node_id = flags.node_id;
  if (!flags.peers.empty()) settings.members = members_of(flags);
  if (is_to_join(flags)) {
    auto join = ask_to_join(flags);
    if (!join) return tl::unexpected(std::move(join).error());
    settings.join = std::move(*join);
  }
  settings.cluster_name = flags.cluster_name;
  settings.is_cluster_name_given = flags.cluster_name != StartFlags().cluster_name;
  settings.log_retention = *parse_size(flags.log_retention);
  settings.catch_up_rate = *parse_size(flags.catch_up_rate);
  settings.compare_seconds = static_cast<std::uint64_t>(flags.compare_interval_s);
  settings.has_lease_reads = flags.read_lease;
  settings.etcd = etcd_settings_of(flags);
  settings.is_insecure = flags.is_insecure;
  settings.on_failure = end_at_once;
  settings.on_replaced = [&signals] { signals.reopen(); };
  settings.warn = [&log](std::string_view name, const std::string& details) {
    log.warn(name, details);
  };
  settings.log = [&log](Event::Level level, std::string_view name, std::string_view details) {
    log.on_event({level, name, std::string(details)});
  };
  return ServedStore::open_member(std::move(settings));
}

Banner::Log log_of(const server::ReplicationStatus& status) {
  return {status.last - status.floor, status.commit - std::min(status.commit, status.floor)};
}

// One life of the server, from bind to close.
struct Serving {
  StartFlags flags;
  ServerLog& log;
  StopSignals& signals;
  bool is_member = false;

  // The exit code; none: another member's state came, and it has to be opened again. It listens
  // before it opens the store, so that a taken port leaves the data directory alone and the lock
  // can name the address.
  std::optional<int> run(const std::function<void(const Banner&)>& is_ready) {
    auto server = server::Server::bind(server_options_of(flags, log));
    if (!server) return fail_bind(server.error());
    const std::string address = (*server)->address();
    const bool is_new = !std::filesystem::exists(flags.data + "/CURRENT");
    const std::string holder = holder_text({::getpid(), address, utc_now()});
    const bool has_joined = is_to_join(flags);
    auto served = open_store(flags, log, signals, holder, is_member);
    if (!served) return fail_start(flags, served.error());
    if (auto started = (*server)->start(served->store(), served->member()); !started)
      return fail_start(flags, started.error());
    signals.server_is_ready();
    log.on_event({Event::Level::kInfo, "server started",
                  fmt::format("version={} pid={} address={} data={} sync={}", KV_VERSION,
                              ::getpid(), address, flags.data, flags.sync)});
    if (served->member() != nullptr) {
      warn_of_address(served->member()->status(), address, log);
      if (!has_joined) warn_of_join(flags, served->member()->status(), log);
    }
    Banner banner{flags.data,
                  address,
                  (*server)->resp_address(),
                  flags.resp != "off",
                  flags.sync,
                  flags.sync_interval_ms,
                  flags.is_detached,
                  is_new,
                  ::getpid(),
                  served->store().stats().recovery};
    if (served->member() != nullptr && !is_new) banner.log = log_of(served->member()->status());
    is_ready(banner);
    const bool is_end = signals.wait();
    if (is_end) served->step_down();
    (*server)->stop(server::Server::Stop::kDrain);
    (*server)->wait();
    if (auto closed = served->close(); !closed) return fail_start(flags, closed.error());
    if (is_end || !signals.may_reopen()) {
      log.on_event({Event::Level::kInfo, "server stopped", fmt::format("pid={}", ::getpid())});
      return kExitOk;
    }
    flags.listen = address;  // clients know these
    if (!(*server)->resp_address().empty()) flags.resp = (*server)->resp_address();
    return std::nullopt;
  }
};

// What a server alone would ignore, though it was asked for; empty: nothing.
std::string flag_of_member(const StartFlags& flags) {
  if (flags.node_id != 0) {
    return fmt::format(
        "--node-id {} is for a member of a cluster, which {} is not yet: if it was one, its disk "
        "is "
        "lost or not mounted; --join HOST:PORT comes to a cluster that is there, --peers "
        "1=HOST:PORT,2=HOST:PORT makes a new one",
        flags.node_id, flags.data);
  }
  const char* const flag = flags.read_lease                ? "--read-lease"
                           : flags.ack == "local"          ? "--ack local"
                           : flags.coordinator != "quorum" ? "--coordinator"
                                                           : nullptr;
  if (flag == nullptr) return {};
  return fmt::format(
      "{} is for a member of a cluster, and {} is a server alone's; leave the flag "
      "out, or see `kv help start` for --node-id and --peers",
      flag, flags.data);
}

// Runs the server until it is told to stop; returns the exit code. A directory in use is told
// first, as the port is mostly taken then by the server that uses it.
int serve(const StartFlags& given, bool is_json, const std::function<void()>& is_ready) {
  give_memory_back_early();
  if (!given.log_file.empty()) {
    if (auto writable = ServerLog::check_file(given.log_file); !writable) {
      complain(describe(writable.error()) + "; --log-file names another");
      return kExitServerError;
    }
  }
  ServerLog log({given.log_file, given.log_format == "json", given.log_level});
  StartFlags flags = within_descriptors(given, log);
  if (const auto lost = cluster::lost_file_of(flags.data)) {
    complain(*lost);
    return kExitIntegrity;
  }
  const auto as_member = member_address(flags);
  if (as_member && !flags.has_listen) flags.listen = *as_member;
  if (as_member && flags.sync != "disk") {
    complain(
        fmt::format("--sync {} is for a server alone: a member of a cluster counts what is on "
                    "its disk; leave the flag out",
                    flags.sync));
    return kExitUsage;
  }
  if (const auto wrong = problem_with_coordinator(flags); !wrong.empty()) {
    complain(wrong);
    return kExitUsage;
  }
  if (!as_member) {
    if (const auto wrong = flag_of_member(flags); !wrong.empty()) {
      complain(wrong);
      return kExitUsage;
    }
  }
  StopSignals signals([&log] { log.reopen(); });

  // The lock itself is taken when the store is opened, and then names the address.
  if (const auto holder = find_holder(flags.data)) return fail_in_use(flags, *holder);
  Serving serving{flags, log, signals, as_member.has_value()};
  bool is_first = true;
  for (;;) {
    const auto end = serving.run([&](const Banner& banner) {
      if (!std::exchange(is_first, false)) return;
      say(is_json ? json_of(banner) : text_of(banner));
      std::fflush(stdout);
      is_ready();
    });
    if (end) return *end;
  }
}

int run_start(const Common& common, const StartFlags& given) {
  StartFlags flags = given;
  if (!flags.is_detached) return serve(flags, common.is_json, [] {});
  if (flags.log_file.empty()) {
    std::string data = flags.data;
    while (data.size() > 1 && data.back() == '/') data.pop_back();
    flags.log_file = data + ".log";
  }
  return run_detached([&](const std::function<void()>& is_ready) {
    return serve(flags, common.is_json, is_ready);
  });
}

}  // namespace

void add_start(CLI::App& app, Common& common, Run& run) {
  auto flags = std::make_shared<StartFlags>();
  CLI::App* start = app.add_subcommand("start", "start the server");
  const auto read = add_start_flags(*start, *flags);
  start->callback([=, &common, &run] {
    read();
    run = [=, &common] { return run_start(common, *flags); };
  });
}

}  // namespace kv::cli
