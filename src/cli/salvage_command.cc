// kv salvage: a new database out of what is intact of a damaged one.

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "cli/commands.h"
#include "cli/data_option.h"
#include "cli/escape.h"
#include "cli/finding_text.h"
#include "cli/lock_file.h"
#include "cli/progress.h"
#include "kv/salvage.h"
#include "server/upkeep_text.h"

namespace kv::cli {

namespace {

struct SalvageFlags {
  std::string from;
  std::string to;
};

void print_keys(std::string_view title, const std::vector<std::string>& keys) {
  for (const std::string& key : keys) say(fmt::format("{}: {}\n", title, in_quotes(key)));
}

void print_json(const SalvageReport& report) {
  nlohmann::ordered_json out{{"segments", report.segments},
                             {"records", report.records},
                             {"keys", report.keys},
                             {"deletes", report.deletes}};
  const auto list = [](const std::vector<std::string>& keys) {
    auto texts = nlohmann::ordered_json::array();
    for (const std::string& key : keys) texts.push_back(in_quotes(key));
    return texts;
  };
  out["keys_lost"] = list(report.keys_lost);
  out["keys_older"] = list(report.keys_older);
  out["has_unknown_losses"] = report.has_unknown_losses;
  out["notes"] = report.notes;
  out["findings"] = nlohmann::ordered_json::parse(server::findings_json(report.findings));
  say(out.dump() + "\n");
}

void print(const Common& common, const SalvageFlags& flags, const SalvageReport& report) {
  if (common.is_json) return print_json(report);
  for (const Finding& finding : report.findings) say(text_of(finding) + "\n");
  print_keys("key lost", report.keys_lost);
  print_keys("older value kept for", report.keys_older);
  if (common.is_quiet) return;
  for (const std::string& note : report.notes) say("note: " + note + "\n");
  say(fmt::format(
      "{}: {} out of {} in {}; {} lost, {} older{}\n", flags.to, counted(report.keys, "key"),
      counted(report.records, "intact record"), counted(report.segments, "segment"),
      counted(report.keys_lost.size(), "key"), report.keys_older.size(),
      report.has_unknown_losses ? ", and perhaps others whose keys cannot be told" : ""));
}

int fail_salvage(const SalvageFlags& flags, const Error& error) {
  if (error.code != Errc::kLocked) return fail(error);
  for (const std::string& directory : {flags.from, flags.to}) {
    const auto holder = find_holder(directory);
    if (!holder) continue;
    complain(in_use_text(directory, *holder) +
             (holder->is_server() ? fmt::format("; `kv stop --data {}` stops it first", directory)
                                  : "; try again when it is done"));
    return kExitServerError;
  }
  return fail(error);
}

int run_salvage(const Common& common, const SalvageFlags& flags) {
  SalvageOptions options;
  Progress progress(common.is_quiet);
  options.progress = [&](std::uint64_t done, std::uint64_t total) {
    const double share = total == 0 ? 1 : static_cast<double>(done) / static_cast<double>(total);
    progress.show(0, done, share);
    return true;
  };
  const auto report = salvage(flags.from, flags.to, options);
  progress.clear();
  if (!report) return fail_salvage(flags, report.error());
  print(common, flags, *report);
  return report->findings.empty() ? kExitOk : kExitIntegrity;
}

}  // namespace

void add_salvage(CLI::App& app, Common& common, Run& run) {
  auto flags = std::make_shared<SalvageFlags>();
  CLI::App* salvage =
      app.add_subcommand("salvage", "make a new database out of what is intact of a damaged one");
  salvage->add_option("FROM", flags->from, "directory of the damaged database; is not changed")
      ->required()
      ->check(problem_with_directory);
  salvage->add_option("TO", flags->to, "directory of the new one; must be empty or missing")
      ->required()
      ->check(problem_with_directory);
  salvage->callback(
      [=, &common, &run] { run = [=, &common] { return run_salvage(common, *flags); }; });
}

}  // namespace kv::cli
