#include "cli/read_level.h"

#include <CLI/CLI.hpp>

#include "cli/commands.h"
#include "cli/quantity.h"

namespace kv::cli {

namespace {

std::string problem_with_age(const std::string& text) {
  const auto age = parse_duration(text);
  if (!age) return text + " is no duration such as 500ms or 10s";
  // The protocol's bound.
  return *age > std::chrono::hours(24) ? text + " is more than a day, which is the most" : "";
}

}  // namespace

void ReadLevelFlags::add_to(CLI::App& command) {
  CLI::Option* const version =
      command
          .add_option("--min-ver", min_version,
                      "at any member of a cluster: what it has once it has come to this version, "
                      "without asking the leader")
          ->check(at_least_one);
  command
      .add_option("--max-stale", stale_max,
                  "all that was acknowledged so long ago, as 500ms or 10s; cheaper than the newest")
      ->check(problem_with_age)
      ->excludes(version);
}

ReadOptions ReadLevelFlags::options() const {
  ReadOptions level;
  level.min_version = min_version;
  if (!stale_max.empty()) level.stale_max = *parse_duration(stale_max);
  return level;
}

}  // namespace kv::cli
