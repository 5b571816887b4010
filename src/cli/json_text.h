#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "kv/options.h"

namespace kv::cli {

// One record as a JSON object in one line: "key" and "value" where they are UTF-8, else "key_b64"
// and "value_b64". Without a value, or version 0, those are left out.
std::string json_of(std::string_view key, const std::string* value, Version version);

struct JsonRecord {
  std::string key;
  std::string value;
};
// The other way. On failure `problem` says what is wrong with the line.
std::optional<JsonRecord> record_of_json(std::string_view line, std::string& problem);

}  // namespace kv::cli
