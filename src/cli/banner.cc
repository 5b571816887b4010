#include "cli/banner.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "cli/quantity.h"
#include "kv/version.h"

namespace kv::cli {

namespace {

std::string durability_of(const Banner& banner) {
  if (banner.sync == "disk") return "disk (group commit)";
  if (banner.sync == "none") return "none (left to the system)";
  return fmt::format("interval (every {} ms)", banner.sync_interval_ms);
}

// Empty: it has none.
std::string log_text(const Banner& banner) {
  if (!banner.log || banner.log->records == 0) return "";
  return fmt::format(", and a log of {}, {} known to be committed",
                     counted(banner.log->records, "record"), human_count(banner.log->committed));
}

}  // namespace

std::string text_of(const Banner& banner) {
  const RecoveryStats& recovery = banner.recovery;
  std::string out =
      fmt::format("kv {}  data {}{}  recovered {} from {} ({} by hint) in {:.0f} ms{}\n",
                  KV_VERSION, banner.data, banner.is_new ? " (new)" : "",
                  counted(recovery.keys, "key"), counted(recovery.segments, "segment"),
                  recovery.segments_by_hint, recovery.duration_ms, log_text(banner));
  if (recovery.bytes_cut > 0) {
    out += fmt::format("  cut {} of a torn tail\n", counted(recovery.bytes_cut, "byte"));
  }
  if (recovery.segments_damaged > 0) {
    out += fmt::format(
        "  DAMAGE: {} of {} are missing or unreadable; their keys answer CORRUPT; `kv verify "
        "--online "
        "--addr {}` tells which\n",
        counted(recovery.bytes_quarantined, "byte"), counted(recovery.segments_damaged, "segment"),
        banner.address);
  }
  const std::string port = banner.address.substr(banner.address.rfind(':') + 1);
  out +=
      fmt::format("  native     {}{}\n", banner.address,
                  banner.hears_resp ? fmt::format("     (redis-cli -p {} works, too)", port) : "");
  if (!banner.resp_address.empty()) out += fmt::format("  resp       {}\n", banner.resp_address);
  out += fmt::format("  durability sync={}     stop: {}\n", durability_of(banner),
                     banner.is_detached ? "kv stop --data " + banner.data : "Ctrl-C");
  return out + "ready\n";
}

std::string json_of(const Banner& banner) {
  const RecoveryStats& recovery = banner.recovery;
  nlohmann::ordered_json json = {{"ready", true},
                                 {"version", KV_VERSION},
                                 {"pid", banner.pid},
                                 {"address", banner.address},
                                 {"resp_address", banner.resp_address},
                                 {"data", banner.data},
                                 {"is_new", banner.is_new},
                                 {"sync", banner.sync},
                                 {"recovery",
                                  {{"keys", recovery.keys},
                                   {"segments", recovery.segments},
                                   {"segments_by_hint", recovery.segments_by_hint},
                                   {"bytes_cut", recovery.bytes_cut},
                                   {"bytes_quarantined", recovery.bytes_quarantined},
                                   {"segments_damaged", recovery.segments_damaged},
                                   {"duration_ms", recovery.duration_ms}}}};
  if (banner.log) {
    json["log"] = {{"records", banner.log->records}, {"committed", banner.log->committed}};
  }
  return json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

}  // namespace kv::cli
