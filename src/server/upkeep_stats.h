#pragma once

#include <nlohmann/json.hpp>

#include "kv/store.h"

namespace kv::server {

// Sections of the STATS page about the state of the disk and of what lies on it.
nlohmann::ordered_json disk_section(const SpaceStats& space);
nlohmann::ordered_json scrub_section(const ScrubStats& scrub);

}  // namespace kv::server
