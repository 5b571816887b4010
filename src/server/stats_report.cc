#include "server/stats_report.h"

#include <fstream>
#include <unistd.h>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace kv::server {

namespace {

using Json = nlohmann::ordered_json;

std::uint64_t resident_bytes() {
  std::ifstream statm("/proc/self/statm");
  std::uint64_t total = 0;
  std::uint64_t resident = 0;
  statm >> total >> resident;
  return resident * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

const char* name_of(Sync sync) {
  return sync == Sync::kNone ? "none" : sync == Sync::kInterval ? "interval" : "disk";
}

Json server_section(const ServerOptions& options, const Counters& counters,
                    const MemoryBudget& budget) {
  const auto uptime = std::chrono::steady_clock::now() - counters.start;
  return {{"version", options.version},
          {"pid", ::getpid()},
          {"uptime_seconds", std::chrono::duration_cast<std::chrono::seconds>(uptime).count()},
          {"threads", options.threads},
          {"connections", counters.connections.load()},
          {"connections_total", counters.connections_total.load()},
          {"connections_max", options.connections_max},
          {"bytes_in", counters.bytes_in.load()},
          {"bytes_out", counters.bytes_out.load()},
          {"bytes_under_way", budget.used()},
          {"backpressure_memory", counters.backpressure_memory.load()},
          {"backpressure_inflight", counters.backpressure_inflight.load()},
          {"backpressure_connections", counters.backpressure_connections.load()},
          {"slow_readers", counters.slow_readers.load()},
          {"read_timeouts", counters.read_timeouts.load()},
          {"wrong_protocol", counters.wrong_protocol.load()},
          {"reads_deferred", counters.reads_deferred.load()},
          {"requests_refused", counters.refused.load()}};
}

Json requests_section(const Counters& counters) {
  constexpr const char* kNames[] = {"hello", "ping",   "put",   "get",   "del",  "bput",
                                    "range", "prefix", "stats", "merge", "help", "quit"};
  static_assert(std::size(kNames) == Counters::kVerbs);
  Json out;
  for (std::size_t i = 0; i < Counters::kVerbs; ++i) out[kNames[i]] = counters.requests[i].load();
  return out;
}

Json store_section(const Stats& stats, Sync sync) {
  return {{"keys", stats.keys},
          {"segments", stats.segments.size()},
          {"disk_bytes", stats.disk_bytes},
          {"live_bytes", stats.live_bytes},
          {"last_version", stats.last_version},
          {"synced_version", stats.synced_version},
          {"sync", name_of(sync)},
          {"writes", stats.writes},
          {"syncs", stats.syncs},
          {"snapshots", stats.snapshots},
          {"open_segment_files", stats.open_segment_files},
          {"read_only", stats.is_read_only}};
}

Json memory_section(const Stats& stats) {
  return {{"rss_bytes", resident_bytes()},
          {"index_bytes", stats.index_bytes},
          {"key_bytes", stats.key_bytes},
          {"index_bytes_per_key", stats.index_bytes_per_key}};
}

Json recovery_section(const RecoveryStats& recovery) {
  return {{"keys", recovery.keys},
          {"segments", recovery.segments},
          {"segments_by_hint", recovery.segments_by_hint},
          {"segments_by_scan", recovery.segments_by_scan},
          {"bytes_cut", recovery.bytes_cut},
          {"bytes_quarantined", recovery.bytes_quarantined},
          {"duration_ms", recovery.duration_ms}};
}

Json segments_section(const Stats& stats) {
  Json out = Json::array();
  for (const SegmentStats& segment : stats.segments) {
    out.push_back({{"id", segment.id},
                   {"active", segment.is_active},
                   {"bytes", segment.bytes},
                   {"records", segment.records},
                   {"live_bytes", segment.live_bytes},
                   {"first_version", segment.first_version},
                   {"last_version", segment.last_version}});
  }
  return out;
}

std::string as_text(const Json& report) {
  std::string out;
  for (const auto& [section, values] : report.items()) {
    if (!out.empty()) out += '\n';
    out += fmt::format("# {}\n", section);
    for (const auto& [name, value] : values.items()) {
      out += value.is_string() ? fmt::format("{}: {}\n", name, value.get<std::string>())
                               : fmt::format("{}: {}\n", name, value.dump());
    }
  }
  if (!out.empty()) out.pop_back();
  return out;
}

}  // namespace

std::string stats_report(const Store& store, const ServerOptions& options, const Counters& counters,
                         const MemoryBudget& budget, bool is_json, std::string_view section) {
  const Stats stats = store.stats();
  const auto wants = [section](std::string_view name) {
    return section.empty() || section == name;
  };
  Json report = Json::object();
  if (wants("server")) report["server"] = server_section(options, counters, budget);
  if (wants("requests")) report["requests"] = requests_section(counters);
  if (wants("store")) report["store"] = store_section(stats, options.sync);
  if (wants("memory")) report["memory"] = memory_section(stats);
  if (wants("recovery")) report["recovery"] = recovery_section(stats.recovery);
  if (section == "segments" || (section.empty() && is_json)) {
    report["segments"] = segments_section(stats);
  }
  return is_json ? report.dump() : as_text(report);
}

}  // namespace kv::server
