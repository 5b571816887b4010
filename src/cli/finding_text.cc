#include "cli/finding_text.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "cli/base64.h"
#include "cli/escape.h"
#include "cli/utf8.h"

namespace kv::cli {

namespace {

constexpr std::size_t kKeysShown = 10;

std::string keys_of(const Finding& finding) {
  std::string out;
  for (std::size_t i = 0; i < finding.keys.size() && i < kKeysShown; ++i) {
    out += (i == 0 ? "" : " ") + in_quotes(finding.keys[i]);
  }
  if (finding.keys.size() > kKeysShown) {
    out += fmt::format(" and {} more", finding.keys.size() - kKeysShown);
  }
  if (!finding.has_unknown_keys) return out;
  return out.empty() ? "cannot be told" : out + " and perhaps others";
}

}  // namespace

std::string text_of(const Finding& finding) {
  std::string out = fmt::format("{}: {}", finding.what, finding.file);
  if (finding.size > 0) out += fmt::format(" offset={} size={}", finding.offset, finding.size);
  if (finding.first_version > 0) {
    out += finding.last_version > 0
               ? fmt::format(" versions={}..{}", finding.first_version, finding.last_version)
               : fmt::format(" versions={}..", finding.first_version);
  }
  if (const std::string keys = keys_of(finding); !keys.empty()) out += " keys: " + keys;
  if (!finding.details.empty()) out += " (" + finding.details + ")";
  if (!finding.loses_data) out += " [no data lost]";
  return out;
}

std::string json_of(const std::vector<Finding>& findings) {
  using Json = nlohmann::ordered_json;
  Json list = Json::array();
  for (const Finding& finding : findings) {
    Json keys = Json::array();
    for (const std::string& key : finding.keys) {
      keys.push_back(is_utf8(key) ? Json{{"key", key}} : Json{{"key_b64", base64(key)}});
    }
    list.push_back({{"what", finding.what},
                    {"file", finding.file},
                    {"offset", finding.offset},
                    {"size", finding.size},
                    {"first_version", finding.first_version},
                    {"last_version", finding.last_version},
                    {"keys", std::move(keys)},
                    {"has_unknown_keys", finding.has_unknown_keys},
                    {"loses_data", finding.loses_data},
                    {"details", finding.details}});
  }
  return list.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace kv::cli
