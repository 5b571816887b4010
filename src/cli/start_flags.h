#pragma once

#include <cstdint>
#include <functional>
#include <string>

namespace CLI {  // NOLINT(readability-identifier-naming): the name is CLI11's
class App;
}

namespace kv::cli {

// What `kv start` was told, checked; sizes as text.
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
  std::int64_t session_ttl_s = 3600;
  std::string log_format = "text";
  std::string log_level = "info";
  std::string log_file;
  std::uint64_t node_id = 0;  // 0: as the data directory says
  std::string peers;
  std::string join;
  std::uint32_t peer_port = 0;  // 0: the clients' and 10,000
  std::string cluster_name = "kv";
  std::uint64_t election_ms = 700;
  std::string log_retention = "1GiB";
  std::string catch_up_rate = "64MiB";
  int compare_interval_s = 600;
  std::string ack = "majority";
  std::string coordinator = "quorum";
  std::string etcd_endpoints;
  std::string etcd_gate = "failsafe";
  std::int64_t etcd_ttl_s = 3;
  std::int64_t etcd_limit_ms = 30'000;
  bool read_lease = false;
  bool has_listen = false;  // was said, and not left at its default
  bool is_insecure = false;
  bool is_detached = false;
};

// Adds the options of `kv start` to it. What this returns is to be called once they are parsed: it
// adds what the environment and the configuration file say, and throws as CLI11 does.
std::function<void()> add_start_flags(CLI::App& start, StartFlags& flags);

}  // namespace kv::cli
