#include "server/upkeep_text.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace kv::server {

namespace {

using Json = nlohmann::ordered_json;

std::string visible(std::string_view bytes) {
  std::string out;
  for (const char c : bytes) {
    if (c == '\\') {
      out += "\\\\";
    } else if (c > 0x20 && c < 0x7f) {
      out += c;
    } else {
      out += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
    }
  }
  return out;
}

Json json_of(const Finding& finding) {
  Json keys = Json::array();
  for (const std::string& key : finding.keys) keys.push_back(visible(key));
  return {{"what", finding.what},
          {"file", finding.file},
          {"offset", finding.offset},
          {"size", finding.size},
          {"first_version", finding.first_version},
          {"last_version", finding.last_version},
          {"keys", std::move(keys)},
          {"has_unknown_keys", finding.has_unknown_keys},
          {"loses_data", finding.loses_data},
          {"details", finding.details}};
}

std::string text_of(const Json& page) {
  std::string out;
  for (const auto& [name, value] : page.items()) {
    if (value.is_array()) continue;
    out +=
        fmt::format("{}: {}\n", name, value.is_string() ? value.get<std::string>() : value.dump());
  }
  if (!out.empty()) out.pop_back();
  return out;
}

std::string line_of(const Finding& finding) {
  std::string keys;
  for (const std::string& key : finding.keys) keys += (keys.empty() ? "" : ",") + visible(key);
  return fmt::format(
      "\nfinding: {} file={} offset={} size={} versions={}..{} keys={} unknown_keys={} "
      "loses_data={} {}",
      finding.what, finding.file, finding.offset, finding.size, finding.first_version,
      finding.last_version, keys, finding.has_unknown_keys ? "some" : "none",
      finding.loses_data ? "yes" : "no", finding.details);
}

}  // namespace

std::string verified_text(const VerifyReport& report, bool is_json) {
  Json page = {{"segments", report.segments},
               {"hints", report.hints},
               {"records", report.records},
               {"bytes", report.bytes}};
  if (is_json) {
    page["findings"] = Json::array();
    for (const Finding& finding : report.findings) page["findings"].push_back(json_of(finding));
    return page.dump(-1, ' ', false, Json::error_handler_t::replace);
  }
  page["findings"] = report.findings.size();
  std::string out = text_of(page);
  for (const Finding& finding : report.findings) out += line_of(finding);
  return out;
}

std::string backed_up_text(const BackupSummary& summary, bool is_json) {
  const Json page = {{"version", summary.version},
                     {"files", summary.files},
                     {"bytes", summary.bytes},
                     {"reused", summary.reused},
                     {"linked", summary.linked},
                     {"copied", summary.copied},
                     {"bytes_copied", summary.bytes_copied}};
  return is_json ? page.dump() : text_of(page);
}

}  // namespace kv::server
