// Every option of `kv start`: docs/cli.md has their table, rel/kv.conf their entries.

#include "cli/start_flags.h"

#include <cctype>
#include <memory>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "cli/address_option.h"
#include "cli/commands.h"
#include "cli/config_file.h"
#include "cli/data_option.h"
#include "cli/quantity.h"
#include "cluster/peer_list.h"
#include "etcd/endpoint.h"
#include "kv/result.h"

namespace kv::cli {

namespace {

constexpr std::uint64_t kSegmentSizeMin = 4096;
constexpr std::uint64_t kSegmentSizeMax = 4ull << 30;
constexpr double kSpaceTargetMin = 1.1;
constexpr double kSpaceTargetMax = 100;
constexpr std::uint64_t kMergeRateMin = 1024 * 1024;
constexpr std::uint64_t kElectionMsMin = 100;
constexpr std::uint64_t kCatchUpRateMin = 64 * 1024;
constexpr std::uint64_t kElectionMsMax = 60'000;
constexpr std::int64_t kEtcdTtlMin = 2;
constexpr std::int64_t kEtcdTtlMax = 60;
constexpr std::int64_t kEtcdLimitMin = 1000;
constexpr std::int64_t kEtcdLimitMax = 3'600'000;
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

template <class Value>
CLI::Option* add(CLI::App& start, const std::string& name, Value& value, const std::string& help) {
  std::string variable = "KV_" + name;
  for (char& c : variable)
    c = c == '-' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return start.add_option("--" + name, value, help)->envname(variable)->capture_default_str();
}

void add_store_flags(CLI::App& start, StartFlags& flags) {
  add(start, "segment-size", flags.segment_size, "size at which the log goes on in a new segment")
      ->check(size_check(kSegmentSizeMin, kSegmentSizeMax));
  add(start, "scrub-rate", flags.scrub_rate,
      "bytes a second read in the background to find what rots; 0: none")
      ->check(size_check(0, UINT64_MAX));
  add(start, "space-reserve", flags.space_reserve,
      "free bytes of the disk kept back for deletes and merges; 0: as the disk's size asks for")
      ->check(size_check(0, UINT64_MAX));
  add(start, "open-segments", flags.open_segments, "descriptors of segments kept open")
      ->check(at_least_one);
  add(start, "value-cache", flags.value_cache,
      "memory for small values used of late; auto: an eighth of all, at most 2 GiB; 0: none")
      ->check([check = size_check(0, UINT64_MAX)](const std::string& text) {
        return text == "auto" ? std::string() : check(text);
      });
  add(start, "space-target", flags.space_target,
      "disk use that merges keep under, as a multiple of the live bytes")
      ->check(CLI::Range(kSpaceTargetMin, kSpaceTargetMax));
  add(start, "merge-rate", flags.merge_rate, "bytes a second that merges read and write at most")
      ->check(size_check(kMergeRateMin, UINT64_MAX));
  add(start, "merge", flags.merge, "auto, or off: only when `kv merge-now` asks for it")
      ->check(CLI::IsMember({"auto", "off"}));
}

void add_limits(CLI::App& start, StartFlags& flags) {
  add(start, "connections-max", flags.connections_max, "clients at a time")->check(at_least_one);
  add(start, "memory-max", flags.memory_max, "bytes of payloads and replies under way")
      ->check(size_check(kMemoryMin, UINT64_MAX));
  add(start, "idle-timeout-s", flags.idle_timeout_s,
      "close a connection that asks nothing for so long; 0: never")
      ->check([](const std::string& text) { return problem_with_count(text, 0); });
  add(start, "read-timeout-s", flags.read_timeout_s, "for the rest of a request to come")
      ->check(at_least_one);
  add(start, "session-ttl-s", flags.session_ttl_s,
      "end a session of writes that is not used for so long")
      ->check(CLI::Range(1, 365 * 24 * 3600));
}

void add_log_flags(CLI::App& start, StartFlags& flags) {
  add(start, "log-format", flags.log_format, "text or json")
      ->check(CLI::IsMember({"text", "json"}));
  add(start, "log-level", flags.log_level, "info, warning or error")
      ->check(CLI::IsMember({"info", "warning", "error"}));
  add(start, "log-file", flags.log_file, "instead of stderr; with --detach DIR.log");
}

void add_cluster_flags(CLI::App& start, StartFlags& flags) {
  CLI::Option* const node_id = add(start, "node-id", flags.node_id,
                                   "this member's number in the cluster; 0: as the directory says");
  CLI::Option* const peers =
      add(start, "peers", flags.peers,
          "all members of a new cluster: 1=HOST:PORT,2=HOST:PORT,3=HOST:PORT; they talk to "
          "each other at PORT + 10000, or at 1=HOST:PORT/PEERPORT")
          ->check([](const std::string& text) {
            const auto parsed = cluster::parse_peer_list(text);
            return text.empty() || parsed ? std::string() : describe(parsed.error());
          });
  peers->needs(node_id);
  CLI::Option* const join =
      add(start, "join", flags.join,
          "servers of a cluster that this node waits to be added to, as a:7400,b:7400; `kv cluster "
          "add` does that")
          ->check([](const std::string& text) {
            return text.empty() ? std::string() : problem_with_addresses(text);
          });
  join->needs(node_id);
  join->excludes(peers);
  add(start, "peer-port", flags.peer_port,
      "with --join: where other members find this one; 0: its port + 10000")
      ->check(CLI::Range(0, 65'535));
  add(start, "cluster-name", flags.cluster_name, "tells clusters of the same peers apart");
  add(start, "election-timeout-ms", flags.election_ms,
      "of a new cluster: a leader that is silent for so long is replaced")
      ->check(CLI::Range(kElectionMsMin, kElectionMsMax));
  add(start, "log-retention", flags.log_retention,
      "of a member of a cluster: log that merges leave alone, for members that come back")
      ->check(size_check(0, UINT64_MAX));
  add(start, "catch-up-rate", flags.catch_up_rate,
      "of the leader of a cluster: bytes a second that a member gets for which nothing waits, and "
      "as much of the log as is written meanwhile")
      ->check(size_check(kCatchUpRateMin, UINT64_MAX));
  add(start, "compare-interval-s", flags.compare_interval_s,
      "of a cluster: the members compare what they hold so often, and one that differs from the "
      "majority begins anew; 0: only on `kv cluster compare`")
      ->check(CLI::Range(0, 31'536'000));
  add(start, "ack", flags.ack,
      "what a write to a cluster waits for: majority; or local, the leader's disk, and what no "
      "majority has yet is lost with the leader")
      ->check(CLI::IsMember({"majority", "local"}));
  start
      .add_flag("--read-lease", flags.read_lease,
                "as a leader of a cluster answer reads without asking the others; trusts all "
                "clocks")
      ->envname("KV_READ_LEASE");
}

void add_coordinator_flags(CLI::App& start, StartFlags& flags) {
  add(start, "coordinator", flags.coordinator,
      "who says which member of a cluster may campaign: quorum, nobody but the votes; or etcd, "
      "too")
      ->check(CLI::IsMember({"quorum", "etcd"}));
  add(start, "etcd-endpoints", flags.etcd_endpoints,
      "servers of that etcd, where they hear clients: HOST:PORT,HOST:PORT")
      ->check([](const std::string& text) {
        const auto parsed = etcd::parse_endpoints(text);
        return text.empty() || parsed ? std::string() : describe(parsed.error());
      });
  add(start, "etcd-gate", flags.etcd_gate,
      "a leader that loses its key in etcd: failsafe, leads on while a majority follows it; "
      "strict, hands over")
      ->check(CLI::IsMember({"failsafe", "strict"}));
  add(start, "etcd-ttl-s", flags.etcd_ttl_s, "after which the key of a dead leader is free")
      ->check(CLI::Range(kEtcdTtlMin, kEtcdTtlMax));
  add(start, "etcd-limit-ms", flags.etcd_limit_ms,
      "without a leader, or an answer of etcd, after which members campaign without it")
      ->check(CLI::Range(kEtcdLimitMin, kEtcdLimitMax));
}

}  // namespace

std::function<void()> add_start_flags(CLI::App& start, StartFlags& flags) {
  auto config = std::make_shared<std::string>();
  start.add_option("--config", *config, "read options from a file of name = value lines")
      ->envname("KV_CONFIG");
  CLI::Option* const data = add_data_option(start, flags.data, "directory of the database");
  CLI::Option* const listen =
      add(start, "listen", flags.listen,
          "HOST:PORT; port 0 picks a free one; in a cluster its own of --peers")
          ->check(problem_with_listen_address);
  add(start, "resp", flags.resp,
      "the protocol of Redis: on, at the same address; off; or HOST:PORT, at one of its own, too")
      ->check(problem_with_resp);
  add(start, "sync", flags.sync, "when a write is acknowledged: none, interval or disk")
      ->check(CLI::IsMember({"none", "interval", "disk"}));
  add(start, "sync-interval-ms", flags.sync_interval_ms, "between syncs with --sync interval")
      ->check(CLI::Range(1, 3'600'000));
  add(start, "threads", flags.threads, "reactor threads")->check(CLI::Range(1, 256));
  add_store_flags(start, flags);
  add_limits(start, flags);
  add_log_flags(start, flags);
  add_cluster_flags(start, flags);
  add_coordinator_flags(start, flags);
  start
      .add_flag("--insecure", flags.is_insecure,
                "allow an address that other machines can reach: anybody who reaches it can read, "
                "write and, with BACKUP, have files written on this machine")
      ->envname("KV_INSECURE");
  start.add_flag("--detach", flags.is_detached, "return when the server is ready")
      ->envname("KV_DETACH");
  return [=, &start, &flags] {
    refuse_empty_variable(*data);
    if (!config->empty()) apply_config_file(start, *config);
    flags.has_listen = listen->count() > 0;
  };
}

}  // namespace kv::cli
