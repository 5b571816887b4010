#include "cli/json_text.h"

#include <nlohmann/json.hpp>

#include "base/base64.h"
#include "base/utf8.h"

namespace kv::cli {

namespace {

using Json = nlohmann::ordered_json;

void set_bytes(Json& json, const std::string& name, std::string_view bytes) {
  if (base::is_utf8(bytes)) {
    json[name] = bytes;
  } else {
    json[name + "_b64"] = base::base64(bytes);
  }
}

bool take_bytes(const Json& json, const std::string& name, std::string& out, std::string& problem) {
  if (const auto plain = json.find(name); plain != json.end() && plain->is_string()) {
    out = plain->get<std::string>();
    return true;
  }
  const auto coded = json.find(name + "_b64");
  if (coded == json.end() || !coded->is_string()) {
    problem = "\"" + name + "\" or \"" + name + "_b64\" is missing or no string";
    return false;
  }
  auto bytes = base::from_base64(coded->get<std::string>());
  if (!bytes) {
    problem = "\"" + name + "_b64\" is not base64";
    return false;
  }
  out = std::move(*bytes);
  return true;
}

}  // namespace

std::string json_of(std::string_view key, const std::string* value, Version version) {
  Json json;
  set_bytes(json, "key", key);
  if (value != nullptr) set_bytes(json, "value", *value);
  if (version > 0) json["version"] = version;
  return json.dump();
}

std::optional<JsonRecord> record_of_json(std::string_view line, std::string& problem) {
  const Json json = Json::parse(line, nullptr, false);
  if (!json.is_object()) {
    problem = "not a JSON object";
    return std::nullopt;
  }
  JsonRecord record;
  if (!take_bytes(json, "key", record.key, problem)) return std::nullopt;
  if (!take_bytes(json, "value", record.value, problem)) return std::nullopt;
  return record;
}

}  // namespace kv::cli
