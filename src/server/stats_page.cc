#include "server/stats_page.h"

#include <fstream>
#include <unistd.h>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "server/upkeep_stats.h"

namespace kv::server {

namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kVerbNames[] = {"hello",  "ping",    "put",   "get",     "del",     "bput",
                                      "range",  "prefix",  "stats", "merge",   "inspect", "verify",
                                      "backup", "cluster", "wait",  "session", "help",    "quit"};
static_assert(std::size(kVerbNames) == kVerbCount);

std::uint64_t resident_bytes() {
  std::ifstream statm("/proc/self/statm");
  std::uint64_t total = 0;
  std::uint64_t resident = 0;
  statm >> total >> resident;
  return resident * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

const char* name_of(Sync sync) {
  switch (sync) {
    case Sync::kNone:
      return "none";
    case Sync::kInterval:
      return "interval";
    case Sync::kDisk:
      break;
  }
  return "disk";
}

Json store_section(const Stats& stats, Sync sync) {
  return {{"keys", stats.keys},
          {"sync", name_of(sync)},
          {"read_only", stats.is_read_only},
          {"disk_bytes", stats.disk_bytes},
          {"live_bytes", stats.live_bytes},
          {"segments", stats.segments.size()},
          {"open_segment_files", stats.open_segment_files},
          {"snapshots", stats.snapshots},
          {"last_version", stats.last_version},
          {"synced_version", stats.synced_version},
          {"writes", stats.writes},
          {"syncs", stats.syncs},
          {"reads_deferred", stats.reads_deferred}};
}

Json memory_section(const Stats& stats, const MemoryBudget& requests, const MemoryBudget& output) {
  return {{"rss_bytes", resident_bytes()},    {"key_bytes", stats.key_bytes},
          {"index_bytes", stats.index_bytes}, {"index_bytes_per_key", stats.index_bytes_per_key},
          {"request_bytes", requests.used()}, {"output_bytes", output.used()},
          {"memory_max", requests.size_max()}};
}

Json cache_section(const CacheStats& cache) {
  const std::uint64_t reads = cache.hits + cache.misses;
  const double hit_ratio =
      reads == 0 ? 0 : static_cast<double>(cache.hits) / static_cast<double>(reads);
  return {{"cache_bytes", cache.bytes},
          {"cache_bytes_max", cache.bytes_max},
          {"cache_hits", cache.hits},
          {"cache_misses", cache.misses},
          {"cache_hit_ratio", hit_ratio}};
}

Json recovery_section(const RecoveryStats& recovery) {
  return {{"recovery_keys", recovery.keys},
          {"recovery_segments", recovery.segments},
          {"recovery_segments_by_hint", recovery.segments_by_hint},
          {"recovery_segments_by_scan", recovery.segments_by_scan},
          {"recovery_bytes_cut", recovery.bytes_cut},
          {"recovery_bytes_quarantined", recovery.bytes_quarantined},
          {"recovery_segments_damaged", recovery.segments_damaged},
          {"recovery_ms", recovery.duration_ms}};
}

Json segments_section(const Stats& stats) {
  Json out = Json::object();
  for (const SegmentStats& segment : stats.segments) {
    out[fmt::format("segment_{}", segment.id)] = {{"active", segment.is_active},
                                                  {"merged", segment.is_merged},
                                                  {"bytes", segment.bytes},
                                                  {"live_bytes", segment.live_bytes},
                                                  {"records", segment.records},
                                                  {"first_version", segment.first_version},
                                                  {"last_version", segment.last_version}};
  }
  return out;
}

const char* name_of(MergeState state) {
  switch (state) {
    case MergeState::kIdle:
      return "idle";
    case MergeState::kMerging:
      return "merging";
    case MergeState::kPaused:
      break;
  }
  return "paused";
}

Json merge_section(const MergeStats& merge, const MergeDesk::Report& report) {
  return {{"merge_state", name_of(merge.state)},
          {"merge_automatic", merge.is_automatic},
          {"merge_space_target", merge.space_target},
          {"merge_debt", merge.debt},
          {"merge_rate", merge.rate},
          {"merge_bytes_total", merge.bytes_total},
          {"merge_bytes_done", merge.bytes_done},
          {"merges", merge.merges},
          {"merge_failures", merge.failures},
          {"merge_bytes_read", merge.bytes_read},
          {"merge_bytes_written", merge.bytes_written},
          {"merge_bytes_freed", merge.bytes_freed},
          {"merge_calls_begun", report.begun},
          {"merge_calls_ended", report.ended},
          {"merge_last_call_segments", report.last.inputs},
          {"merge_last_call_read", report.last.bytes_read},
          {"merge_last_call_written", report.last.bytes_written},
          {"merge_last_call_stopped", report.last.was_stopped},
          {"merge_last_call_error", report.last_error}};
}

// Per segment, too, for who asks.
Json space_section(const Stats& stats, bool has_segments) {
  std::uint64_t dead = 0;
  for (const SegmentStats& segment : stats.segments) dead += segment.dead_bytes;
  Json out = {{"space_total_bytes", stats.disk_bytes},
              {"space_live_bytes", stats.live_bytes},
              {"space_dead_bytes", dead}};
  if (!has_segments) return out;
  for (const SegmentStats& segment : stats.segments) {
    const double share = segment.bytes == 0 ? 0
                                            : static_cast<double>(segment.dead_bytes) /
                                                  static_cast<double>(segment.bytes);
    out[fmt::format("space_segment_{}", segment.id)] = {
        {"kind", segment.is_merged ? "merged" : "log"},
        {"bytes", segment.bytes},
        {"live_bytes", segment.live_bytes},
        {"dead_bytes", segment.dead_bytes},
        {"dead_share", share},
        {"kept", segment.kept_because}};
  }
  return out;
}

Json latency_section(const std::vector<const Counters*>& counters) {
  Json out = Json::object();
  for (std::size_t verb = 0; verb < kVerbCount; ++verb) {
    LatencyHistogram::Counts counts{};
    for (const Counters* one : counters) one->verbs[verb].latency.add_to(counts);
    const auto us = [&](double quantile) {
      return static_cast<double>(LatencyHistogram::quantile(counts, quantile).count()) / 1000;
    };
    if (us(1) == 0) continue;  // never asked for
    out[fmt::format("{}_p50_us", kVerbNames[verb])] = us(0.5);
    out[fmt::format("{}_p99_us", kVerbNames[verb])] = us(0.99);
    out[fmt::format("{}_p999_us", kVerbNames[verb])] = us(0.999);
    out[fmt::format("{}_max_us", kVerbNames[verb])] = us(1);
  }
  return out;
}

Json replication_section(const ReplicationStatus& status) {
  Json out = {{"replication_cluster", status.cluster_id},
              {"replication_node", status.node_id},
              {"replication_uuid", status.node_uuid},
              {"replication_role", status.role},
              {"replication_term", status.term},
              {"replication_leader", status.leader},
              {"replication_leader_address", status.leader_address},
              {"replication_serving", status.is_serving},
              {"replication_lease", status.has_lease},
              {"replication_last", status.last},
              {"replication_durable", status.durable},
              {"replication_commit", status.commit},
              {"replication_applied", status.applied},
              {"replication_floor", status.floor},
              {"replication_records_put_back", status.records_put_back},
              {"replication_records_damaged", status.records_damaged},
              {"replication_contact_seconds", status.contact_seconds},
              {"replication_members_since", status.members_since},
              {"replication_compared", status.compared},
              {"replication_compared_members", status.compared_members},
              {"replication_election_us", status.election_us}};
  out["replication_coordinator"] = status.placement ? "etcd" : "quorum";
  if (status.placement) {
    out["replication_holder"] = status.placement->holder;
    out["replication_etcd_reachable"] = status.placement->is_reachable;
    out["replication_may_campaign"] = status.placement->may_campaign;
  }
  if (status.received_share) out["replication_received_share"] = *status.received_share;
  for (const ReplicationStatus::Peer& peer : status.peers) {
    Json& one = out[fmt::format("replication_peer_{}", peer.node_id)];
    one = {{"address", peer.address},
           {"peer_address", peer.peer_address},
           {"role", peer.role},
           {"connected", peer.is_connected}};
    if (!peer.is_followed) continue;
    one["durable"] = peer.durable;
    one["lag_records"] = peer.lag_records;
    one["lag_bytes"] = peer.lag_bytes;
    one["lag_seconds"] = peer.lag_seconds;
    if (peer.sent_share) one["sent_share"] = *peer.sent_share;
  }
  return out;
}

std::string as_text(const Json& page) {
  std::string out;
  for (const auto& [section, values] : page.items()) {
    if (!out.empty()) out += '\n';
    out += fmt::format("# {}\n", section);
    for (const auto& [name, value] : values.items()) {
      out += fmt::format("{}: {}\n", name,
                         value.is_string() ? value.get<std::string>() : value.dump());
    }
  }
  if (!out.empty()) out.pop_back();  // the protocol adds one
  return out;
}

}  // namespace

std::uint64_t StatsPage::sum(Counter Counters::*counter) const {
  std::uint64_t total = 0;
  for (const Counters* one : counters_) total += (one->*counter).value();
  return total;
}

std::optional<std::string> StatsPage::stats(std::string_view section, bool is_json) const {
  const Stats store = backend_.stats();
  Json page = Json::object();
  const auto uptime = std::chrono::steady_clock::now() - start_;
  const std::uint64_t opened = sum(&Counters::connections_opened);
  page["server"] = {
      {"version", options_.version},
      {"node", options_.node},
      {"pid", ::getpid()},
      {"uptime_seconds", std::chrono::duration_cast<std::chrono::seconds>(uptime).count()},
      {"threads", threads_},
      {"connections", opened - sum(&Counters::connections_closed)},
      {"connections_opened", opened},
      {"connections_max", options_.connections_max},
      {"bytes_received", sum(&Counters::bytes_received)},
      {"bytes_sent", sum(&Counters::bytes_sent)},
      {"slow_reads", sum(&Counters::slow_reads)}};
  Json& requests = page["requests"];
  for (std::size_t verb = 0; verb < kVerbCount; ++verb) {
    std::uint64_t total = 0;
    std::uint64_t errors = 0;
    for (const Counters* one : counters_) {
      total += one->verbs[verb].requests.value();
      errors += one->verbs[verb].errors.value();
    }
    requests[fmt::format("requests_{}", kVerbNames[verb])] = total;
    requests[fmt::format("errors_{}", kVerbNames[verb])] = errors;
  }
  requests["requests_refused"] = sum(&Counters::requests_refused);
  requests["protocol_errors"] = sum(&Counters::protocol_errors);
  requests["foreign_protocols"] = sum(&Counters::foreign_protocols);
  page["backpressure"] = {{"paused_by_inflight", sum(&Counters::paused_by_inflight)},
                          {"paused_by_output", sum(&Counters::paused_by_output)},
                          {"paused_by_memory", sum(&Counters::paused_by_memory)},
                          {"try_later_memory", sum(&Counters::try_later_memory)},
                          {"try_later_queue", sum(&Counters::try_later_queue)},
                          {"try_later_merge_debt", sum(&Counters::try_later_merge_debt)},
                          {"connections_refused", sum(&Counters::connections_refused)},
                          {"accept_pauses", sum(&Counters::accept_pauses)},
                          {"idle_timeouts", sum(&Counters::idle_timeouts)},
                          {"read_timeouts", sum(&Counters::read_timeouts)},
                          {"slow_readers", sum(&Counters::slow_readers)}};
  page["store"] = store_section(store, options_.sync);
  page["memory"] = memory_section(store, request_memory_, output_memory_);
  page["cache"] = cache_section(store.cache);
  page["merge"] = merge_section(store.merge, merges_.report());
  page["space"] = space_section(store, section == "space");
  page["disk"] = disk_section(store.space);
  page["scrub"] = scrub_section(store.scrub);
  page["recovery"] = recovery_section(store.recovery);
  page["sessions"] = {{"sessions", store.sessions},
                      {"session_repeats", sum(&Counters::session_repeats)},
                      {"session_ttl_ms", options_.session_ttl.count()}};
  page["replication"] = cluster_ == nullptr ? Json{{"replication_role", "alone"}}
                                            : replication_section(cluster_->status());
  page["latency"] = latency_section(counters_);
  // Thousands of lines in a large store: only for who asks.
  if (section == "segments") page["segments"] = segments_section(store);
  if (!section.empty()) {
    const auto found = page.find(std::string(section));
    if (found == page.end()) return std::nullopt;
    page = Json{{std::string(section), *found}};
  }
  return is_json ? page.dump() : as_text(page);
}

}  // namespace kv::server
