#include "cli/space_text.h"

#include <cstdint>
#include <string_view>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "cli/quantity.h"
#include "cli/table.h"

namespace kv::cli {

namespace {

std::string bytes_of(const nlohmann::ordered_json& object, const char* name) {
  return human_bytes(static_cast<double>(object.value(name, std::uint64_t{0})));
}

}  // namespace

std::string space_text(const nlohmann::ordered_json& section) {
  constexpr std::string_view kSegment = "space_segment_";
  if (!section.is_object() || !section.contains("space_total_bytes")) return {};
  std::vector<std::vector<std::string>> rows = {
      {"segment", "kind", "bytes", "live", "dead", "share", "kept"}};
  for (const auto& [name, value] : section.items()) {
    if (!name.starts_with(kSegment) || !value.is_object()) continue;
    rows.push_back({name.substr(kSegment.size()), value.value("kind", ""), bytes_of(value, "bytes"),
                    bytes_of(value, "live_bytes"), bytes_of(value, "dead_bytes"),
                    fmt::format("{:.0f} %", 100 * value.value("dead_share", 0.0)),
                    value.value("kept", "")});
  }
  return fmt::format("total {}   live {}   dead {}\n", bytes_of(section, "space_total_bytes"),
                     bytes_of(section, "space_live_bytes"), bytes_of(section, "space_dead_bytes")) +
         table_text(rows);
}

}  // namespace kv::cli
