// kv start: the composition root of the server.

#include <ctime>
#include <filesystem>
#include <malloc.h>
#include <unistd.h>

#include <CLI/CLI.hpp>

#include "cli/address_option.h"
#include "cli/banner.h"
#include "cli/commands.h"
#include "cli/config_file.h"
#include "cli/data_option.h"
#include "cli/descriptors.h"
#include "cli/detach.h"
#include "cli/lock_file.h"
#include "cli/quantity.h"
#include "cli/served_store.h"
#include "cli/server_log.h"
#include "cli/stop_signals.h"
#include "cluster/peer_list.h"
#include "kv/store.h"
#include "kv/version.h"
#include "server/server.h"

namespace kv::cli {

namespace {

struct StartFlags {
  std::string data = "./kv-data";
  std::string listen = "127.0.0.1:7400";
  std::string resp = "on";
  std::string sync = "disk";
  std::int64_t sync_interval_ms = 1000;
  std::uint32_t threads = 1;
  std::string segment_size = "128MiB";
  std::string scrub_rate = "4MiB";
  std::string space_reserve = "0";
  std::uint32_t open_segments = 512;
  std::string value_cache = "auto";
  double space_target = 1.5;
  std::string merge_rate = "256MiB";
  std::string merge = "auto";
  std::uint32_t connections_max = 10'000;
  std::string memory_max = "256MiB";
  std::int64_t idle_timeout_s = 0;
  std::int64_t read_timeout_s = 30;
  std::string log_format = "text";
  std::string log_level = "info";
  std::string log_file;
  std::uint64_t node_id = 0;  // 0: as the data directory says
  std::string peers;
  std::string cluster_name = "kv";
  std::uint64_t election_ms = 1000;
  bool has_listen = false;  // was said, and not left at its default
  bool is_insecure = false;
  bool is_detached = false;
};

constexpr std::uint64_t kSegmentSizeMin = 4096;
constexpr std::uint64_t kSegmentSizeMax = 4ull << 30;
constexpr double kSpaceTargetMin = 1.1;
constexpr double kSpaceTargetMax = 100;
constexpr std::uint64_t kMergeRateMin = 1024 * 1024;
constexpr std::uint64_t kElectionMsMin = 100;
constexpr std::uint64_t kElectionMsMax = 60'000;
constexpr std::uint64_t kMemoryMin = 1024 * 1024;

// Refuses what is no size, or one outside its bounds.
std::function<std::string(const std::string&)> size_check(std::uint64_t min, std::uint64_t max) {
  return [min, max](const std::string& text) -> std::string {
    const auto size = parse_size(text);
    if (!size) return text + " is no size such as 128MiB";
    if (*size < min) return fmt::format("{} is less than {} bytes", text, min);
    return *size > max ? fmt::format("{} is more than {} bytes", text, max) : "";
  };
}

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
  options.sync = sync_of(flags.sync);
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
    log.on_event({Event::Level::kWarning, "few file descriptors",
                  fmt::format("limit={} connections_max={} asked={} open_segments={} asked={} "
                              "action=\"raise the hard limit of open files\"",
                              limit, shares.connections, flags.connections_max, shares.segments,
                              flags.open_segments)});
  }
  flags.connections_max = shares.connections;
  flags.open_segments = shares.segments;
  return flags;
}

// Runs the server until it is told to stop; returns the exit code. A directory in use is told
// first, as the port is mostly taken then by the server that uses it. It listens before it opens
// the store, so that a taken port leaves the data directory alone and the lock can name the
// address.
// The peers of a flag that was checked.
format::Membership members_of(const StartFlags& flags) {
  format::Membership members = *cluster::parse_peer_list(flags.peers);
  members.election_us = flags.election_ms * 1000;
  return members;
}

// Where clients find this node, if it is a member of a cluster, or is to become one.
std::optional<std::string> member_address(const StartFlags& flags) {
  if (flags.peers.empty()) return cluster::client_address_of(flags.data);
  for (const format::Member& member : members_of(flags).members) {
    if (member.node_id == flags.node_id) return member.client_address;
  }
  return flags.listen;  // opening it tells what is wrong
}

// What the log on disk has is not known any more: others go on, and a restart finds out (rule D3).
[[noreturn]] void end_at_once(const Error&) { std::_Exit(kExitServerError); }

Result<ServedStore> open_store(const StartFlags& flags, ServerLog& log, const std::string& holder,
                               bool is_member) {
  Options options = store_options_of(flags, log, holder);
  if (!is_member) return ServedStore::open_alone(flags.data, options);
  cluster::ClusterNode::Settings settings;
  settings.directory = flags.data;
  settings.store = std::move(options);
  settings.node_id = flags.node_id;
  if (!flags.peers.empty()) settings.members = members_of(flags);
  settings.cluster_name = flags.cluster_name;
  settings.is_insecure = flags.is_insecure;
  settings.on_failure = end_at_once;
  settings.log = [&log](Event::Level level, std::string_view name, std::string_view details) {
    log.on_event({level, name, std::string(details)});
  };
  return ServedStore::open_member(std::move(settings));
}

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
  const auto as_member = member_address(flags);
  if (as_member && !flags.has_listen) flags.listen = *as_member;
  if (as_member && flags.sync != "disk") {
    complain(
        fmt::format("--sync {} is for a server alone: a member of a cluster counts what is on "
                    "its disk; leave the flag out",
                    flags.sync));
    return kExitUsage;
  }
  StopSignals signals([&log] { log.reopen(); });

  // The lock itself is taken when the store is opened, and then names the address.
  if (const auto holder = find_holder(flags.data)) return fail_in_use(flags, *holder);
  auto server = server::Server::bind(server_options_of(flags, log));
  if (!server) return fail_bind(server.error());
  const std::string address = (*server)->address();
  const bool is_new = !std::filesystem::exists(flags.data + "/CURRENT");
  const std::string holder = holder_text({::getpid(), address, utc_now()});
  auto served = open_store(flags, log, holder, as_member.has_value());
  if (!served) return fail_start(flags, served.error());
  if (auto started = (*server)->start(served->store(), served->member()); !started)
    return fail_start(flags, started.error());
  signals.server_is_ready();
  log.on_event({Event::Level::kInfo, "server started",
                fmt::format("version={} pid={} address={} data={} sync={}", KV_VERSION, ::getpid(),
                            address, flags.data, flags.sync)});
  const Banner banner{flags.data,
                      address,
                      (*server)->resp_address(),
                      flags.resp != "off",
                      flags.sync,
                      flags.sync_interval_ms,
                      flags.is_detached,
                      is_new,
                      ::getpid(),
                      served->store().stats().recovery};
  say(is_json ? json_of(banner) : text_of(banner));
  std::fflush(stdout);
  is_ready();

  signals.wait();
  served->step_down();
  (*server)->stop(server::Server::Stop::kDrain);
  (*server)->wait();
  if (auto closed = served->close(); !closed) return fail_start(flags, closed.error());
  log.on_event({Event::Level::kInfo, "server stopped", fmt::format("pid={}", ::getpid())});
  return kExitOk;
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
  auto config = std::make_shared<std::string>();
  start->add_option("--config", *config, "read options from a file of name = value lines")
      ->envname("KV_CONFIG");
  const auto add = [&](const std::string& name, auto& value, const std::string& help) {
    std::string variable = "KV_" + name;
    for (char& c : variable)
      c = c == '-' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    return start->add_option("--" + name, value, help)->envname(variable)->capture_default_str();
  };
  CLI::Option* const data = add_data_option(*start, flags->data, "directory of the database");
  CLI::Option* const listen =
      add("listen", flags->listen,
          "HOST:PORT; port 0 picks a free one; in a cluster its own of --peers")
          ->check(problem_with_listen_address);
  add("resp", flags->resp,
      "the protocol of Redis: on, at the same address; off; or HOST:PORT, at one of its own, too")
      ->check(problem_with_resp);
  add("sync", flags->sync, "when a write is acknowledged: none, interval or disk")
      ->check(CLI::IsMember({"none", "interval", "disk"}));
  add("sync-interval-ms", flags->sync_interval_ms, "between syncs with --sync interval")
      ->check(CLI::Range(1, 3'600'000));
  add("threads", flags->threads, "reactor threads")->check(CLI::Range(1, 256));
  add("segment-size", flags->segment_size, "size at which the log goes on in a new segment")
      ->check(size_check(kSegmentSizeMin, kSegmentSizeMax));
  add("scrub-rate", flags->scrub_rate,
      "bytes a second read in the background to find what rots; 0: none")
      ->check(size_check(0, UINT64_MAX));
  add("space-reserve", flags->space_reserve,
      "free bytes of the disk kept back for deletes and merges; 0: as the disk's size asks for")
      ->check(size_check(0, UINT64_MAX));
  add("open-segments", flags->open_segments, "descriptors of segments kept open")
      ->check(at_least_one);
  add("value-cache", flags->value_cache,
      "memory for small values used of late; auto: an eighth of all, at most 2 GiB; 0: none")
      ->check([check = size_check(0, UINT64_MAX)](const std::string& text) {
        return text == "auto" ? std::string() : check(text);
      });
  add("space-target", flags->space_target,
      "disk use that merges keep under, as a multiple of the live bytes")
      ->check(CLI::Range(kSpaceTargetMin, kSpaceTargetMax));
  add("merge-rate", flags->merge_rate, "bytes a second that merges read and write at most")
      ->check(size_check(kMergeRateMin, UINT64_MAX));
  add("merge", flags->merge, "auto, or off: only when `kv merge-now` asks for it")
      ->check(CLI::IsMember({"auto", "off"}));
  add("connections-max", flags->connections_max, "clients at a time")->check(at_least_one);
  add("memory-max", flags->memory_max, "bytes of payloads and replies under way")
      ->check(size_check(kMemoryMin, UINT64_MAX));
  add("idle-timeout-s", flags->idle_timeout_s,
      "close a connection that asks nothing for so long; 0: never")
      ->check([](const std::string& text) { return problem_with_count(text, 0); });
  add("read-timeout-s", flags->read_timeout_s, "for the rest of a request to come")
      ->check(at_least_one);
  add("log-format", flags->log_format, "text or json")->check(CLI::IsMember({"text", "json"}));
  add("log-level", flags->log_level, "info, warning or error")
      ->check(CLI::IsMember({"info", "warning", "error"}));
  add("log-file", flags->log_file, "instead of stderr; with --detach DIR.log");
  CLI::Option* const node_id = add("node-id", flags->node_id,
                                   "this member's number in the cluster; 0: as the directory says");
  CLI::Option* const peers =
      add("peers", flags->peers,
          "all members of a new cluster: 1=HOST:PORT,2=HOST:PORT,3=HOST:PORT; they talk to each "
          "other "
          "at PORT + 10000, or at 1=HOST:PORT/PEERPORT")
          ->check([](const std::string& text) {
            const auto parsed = cluster::parse_peer_list(text);
            return text.empty() || parsed ? std::string() : describe(parsed.error());
          });
  peers->needs(node_id);
  add("cluster-name", flags->cluster_name, "tells clusters of the same peers apart");
  add("election-timeout-ms", flags->election_ms,
      "of a new cluster: a leader that is silent for so long is replaced")
      ->check(CLI::Range(kElectionMsMin, kElectionMsMax));
  start
      ->add_flag("--insecure", flags->is_insecure,
                 "allow an address that other machines can reach: anybody who reaches it can read, "
                 "write and, with BACKUP, have files written on this machine")
      ->envname("KV_INSECURE");
  start->add_flag("--detach", flags->is_detached, "return when the server is ready")
      ->envname("KV_DETACH");
  start->callback([=, &common, &run] {
    refuse_empty_variable(*data);
    if (!config->empty()) apply_config_file(*start, *config);
    flags->has_listen = listen->count() > 0;
    run = [=, &common] { return run_start(common, *flags); };
  });
}

}  // namespace kv::cli
