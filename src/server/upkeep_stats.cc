#include "server/upkeep_stats.h"

namespace kv::server {

namespace {

const char* name_of(SpaceState state) {
  switch (state) {
    case SpaceState::kNormal:
      return "normal";
    case SpaceState::kFull:
      return "full";
    case SpaceState::kMergesOnly:
      break;
  }
  return "merges_only";
}

}  // namespace

nlohmann::ordered_json disk_section(const SpaceStats& space) {
  return {{"disk_state", name_of(space.state)},
          {"disk_free_bytes", space.free_bytes},
          {"disk_total_bytes", space.total_bytes},
          {"disk_reserve_bytes", space.reserve_bytes}};
}

nlohmann::ordered_json scrub_section(const ScrubStats& scrub) {
  return {{"scrub_rate", scrub.rate},
          {"scrub_bytes", scrub.bytes},
          {"scrub_rounds", scrub.rounds},
          {"scrub_findings", scrub.findings},
          {"oldest_unverified_age_seconds", scrub.oldest_unverified_age_s}};
}

}  // namespace kv::server
