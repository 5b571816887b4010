#include "server/upkeep_text.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/base64.h"
#include "base/utf8.h"

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
  for (const std::string& key : finding.keys) {
    keys.push_back(base::is_utf8(key) ? Json{{"key", key}} : Json{{"key_b64", base::base64(key)}});
  }
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

Json json_of(const std::vector<Finding>& findings) {
  Json list = Json::array();
  for (const Finding& finding : findings) list.push_back(json_of(finding));
  return list;
}

// Paths and details may hold any bytes.
std::string dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
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
    page["notes"] = report.notes;
    page["findings"] = json_of(report.findings);
    return dump(page);
  }
  page["findings"] = report.findings.size();
  std::string out = text_of(page);
  for (const std::string& note : report.notes) out += "\nnote: " + note;
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
  return is_json ? dump(page) : text_of(page);
}

std::string findings_json(const std::vector<Finding>& findings) { return dump(json_of(findings)); }

}  // namespace kv::server
