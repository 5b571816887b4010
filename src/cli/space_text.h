#pragma once

#include <string>

#include <nlohmann/json_fwd.hpp>

namespace kv::cli {

// The space section of STATS for people: a line about the whole, then a table of the segments, how
// much of each is dead and which rule keeps it. Empty: that is no such section.
std::string space_text(const nlohmann::ordered_json& section);

}  // namespace kv::cli
