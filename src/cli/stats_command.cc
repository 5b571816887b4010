#include <algorithm>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "cli/commands.h"
#include "cli/escape.h"
#include "cli/quantity.h"
#include "cli/space_text.h"
#include "cli/stats_sections.h"

namespace kv::cli {

namespace {

// Empty: no damage is known.
std::string damage_line(const nlohmann::json& stats) {
  const auto number = [&](const char* section, const char* name) {
    const auto found = stats.find(section);
    return found == stats.end() ? 0 : found->value(name, std::uint64_t{0});
  };
  const std::uint64_t segments = number("recovery", "recovery_segments_damaged");
  const std::uint64_t findings = number("scrub", "scrub_findings");
  std::string known;
  if (segments > 0) {
    known = fmt::format("{} of {} at the start",
                        counted(number("recovery", "recovery_bytes_quarantined"), "byte"),
                        counted(segments, "segment"));
  }
  if (findings > 0) {
    known += (known.empty() ? "" : ", ") + counted(findings, "finding") + " of the scrub";
  }
  if (known.empty()) return {};
  return fmt::format("DAMAGE: {}; `kv verify --online` tells which keys answer CORRUPT\n", known);
}

std::string summary(const nlohmann::json& stats) {
  const auto& store = stats["store"];
  const auto& memory = stats["memory"];
  const auto number = [](const nlohmann::json& section, const char* name) {
    return section.value(name, std::uint64_t{0});
  };
  const std::uint64_t disk = number(store, "disk_bytes");
  const double live = disk == 0 ? 100
                                : 100.0 * static_cast<double>(number(store, "live_bytes")) /
                                      static_cast<double>(disk);
  // A few keys share the memory that is there for many.
  constexpr std::uint64_t kManyKeys = 10'000;
  const std::string per_key =
      number(store, "keys") < kManyKeys
          ? ""
          : fmt::format(" ({:.1f} B/key beyond the key)", memory.value("index_bytes_per_key", 0.0));
  std::string out = fmt::format(
      "keys {}   index {}{}   rss {}   disk {}: {:.0f} % live   "
      "segments {}   sync {}\n",
      human_count(number(store, "keys")),
      human_bytes(static_cast<double>(number(memory, "index_bytes"))), per_key,
      human_bytes(static_cast<double>(number(memory, "rss_bytes"))),
      human_bytes(static_cast<double>(disk)), live, number(store, "segments"),
      store.value("sync", ""));
  return out + damage_line(stats);
}

// The server's text tells of STATS without a section, which `kv stats` makes a summary of.
int fail_section(const std::string& section, const Error& error) {
  const auto known = std::find(kStatsSections.begin(), kStatsSections.end(), section);
  if (error.code != Errc::kInvalidArgument || known != kStatsSections.end()) return fail(error);
  complain(fmt::format("no section {}; there are {}", in_quotes(section),
                       fmt::join(kStatsSections, ", ")));
  return exit_code_of(error);
}

int run_stats(const Common& common, const std::string& section) {
  auto client = connect_to_first(common);
  if (!client) return fail_to_connect(client.error());
  const bool is_summary = section.empty() && !common.is_json;
  const bool is_space = section == "space" && !common.is_json;
  auto text = retried(common, [&] {
    return client->stats(is_summary || is_space || common.is_json ? "json" : "text", section);
  });
  if (!text) return fail_section(section, text.error());
  if (is_space) {
    const auto page = nlohmann::ordered_json::parse(*text, nullptr, false);
    const std::string space = page.is_object() ? space_text(page["space"]) : "";
    if (space.empty()) return fail({Errc::kProtocol, "STATS did not answer with JSON", {}});
    say(space);
    return kExitOk;
  }
  if (!is_summary) {
    say(*text + "\n");
    return kExitOk;
  }
  const auto stats = nlohmann::json::parse(*text, nullptr, false);
  if (!stats.is_object()) return fail({Errc::kProtocol, "STATS did not answer with JSON", {}});
  say(summary(stats));
  return kExitOk;
}

}  // namespace

void add_stats(CLI::App& app, Common& common, Run& run) {
  auto section = std::make_shared<std::string>();
  CLI::App* stats = app.add_subcommand("stats", "show what the server holds and does");
  stats->add_option("SECTION", *section, fmt::format("{}", fmt::join(kStatsSections, ", ")));
  stats->callback(
      [=, &common, &run] { run = [=, &common] { return run_stats(common, *section); }; });
}

}  // namespace kv::cli
