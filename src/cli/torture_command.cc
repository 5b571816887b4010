// kv torture: the store on a simulated machine that crashes at every operation.

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "cli/commands.h"
#include "torture/campaign.h"
#include "torture/explorer.h"
#include "torture/rot.h"
#include "torture/script.h"

namespace kv::cli {

namespace {

using torture::Campaign;
using torture::CampaignOptions;
using torture::CampaignProgress;
using torture::Finding;

struct TortureFlags {
  CampaignOptions campaign;
  double hours = 0;
  bool has_no_scripts = false;
  bool has_rot_only = false;
  std::string script;
  std::string cut;
};

std::string progress_text(const CampaignProgress& progress) {
  std::string text = fmt::format("{} starts after a cut", human_count(progress.cuts));
  if (progress.scripts_left > 0) text += fmt::format(", {} scripts to go", progress.scripts_left);
  return text + fmt::format(", {} seeds, {} operations", human_count(progress.seeds),
                            human_count(progress.operations));
}

int report(const Common& common, const std::optional<Finding>& finding,
           const CampaignProgress& progress) {
  if (common.is_json) {
    nlohmann::ordered_json out{{"starts", progress.cuts},
                               {"seeds", progress.seeds},
                               {"operations", progress.operations},
                               {"found", finding.has_value()}};
    if (finding) {
      out["problem"] = finding->problem;
      out["where"] = finding->where;
      out["operation"] = finding->operation;
      out["replay"] = "kv torture " + finding->replay;
      out["trail"] = finding->trail;
    }
    say(out.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n");
  } else if (finding) {
    say("FOUND " + torture::describe(*finding));
  } else if (!common.is_quiet) {
    say(progress_text(progress) + ": nothing found\n");
  }
  return finding ? kExitIntegrity : kExitOk;
}

int run_cut(const Common& common, const TortureFlags& flags) {
  const auto cut = torture::parse_cut(flags.cut);
  if (!cut) {
    complain("--cut " + flags.cut + " is no cut such as 12:synced or 12:cache/5:random:3");
    return kExitUsage;
  }
  std::string names;
  for (const torture::Script& script : torture::scripts()) {
    names += (names.empty() ? "" : ", ") + script.name;
    if (script.name != flags.script) continue;
    torture::Explorer explorer(script, {});
    const auto finding = explorer.try_cut(*cut);
    return report(common, finding, {explorer.starts(), 0, 0, 0});
  }
  complain("--script " + flags.script + " is none of " + names);
  return kExitUsage;
}

int run_torture(const Common& common, TortureFlags flags) {
  if (!flags.script.empty() || !flags.cut.empty()) return run_cut(common, flags);
  if (flags.has_rot_only) {
    CampaignProgress progress;
    const auto finding = torture::explore_rot(1, &progress.cuts);
    return report(common, finding, progress);
  }
  CampaignOptions& options = flags.campaign;
  options.has_scripts = !flags.has_no_scripts;
  if (flags.hours > 0) {
    options.duration =
        std::chrono::milliseconds(static_cast<std::int64_t>(flags.hours * 3'600'000));
  } else if (options.seeds == 0) {
    options.seeds = 2'000;
  }
  Campaign campaign(options);
  const bool is_shown = !common.is_quiet && !common.is_json && stderr_is_terminal();
  const auto finding = campaign.run([&](const CampaignProgress& progress) {
    if (is_shown) fmt::print(stderr, "\r{}\x1b[K", progress_text(progress));
  });
  if (is_shown) fmt::print(stderr, "\r\x1b[K");
  return report(common, finding, campaign.progress());
}

}  // namespace

void add_torture(CLI::App& app, Common& common, Run& run) {
  auto flags = std::make_shared<TortureFlags>();
  CLI::App* torture = app.add_subcommand(
      "torture", "look for crashes that break a promise, on a simulated machine");
  torture->add_option("--seed", flags->campaign.seed, "the first seed")->capture_default_str();
  torture->add_option("--seeds", flags->campaign.seeds, "how many seeds (2000 without --hours)");
  torture->add_option("--hours", flags->hours, "how long, as 0.5")->check(CLI::PositiveNumber);
  torture->add_option("--jobs", flags->campaign.jobs, "threads")
      ->check(CLI::Range(1, 256))
      ->capture_default_str();
  torture
      ->add_option("--stride", flags->campaign.stride,
                   "of the scripts' operations whose next start is cut off, too")
      ->check(at_least_one)
      ->capture_default_str();
  torture->add_flag("--no-scripts", flags->has_no_scripts, "random lives only");
  torture->add_flag("--rot", flags->has_rot_only, "flipped bits and misplaced hints only");
  torture->add_option("--script", flags->script, "replay: the script");
  torture->add_option("--cut", flags->cut, "replay: where it is cut off, and what survives");
  torture->callback(
      [=, &common, &run] { run = [=, &common] { return run_torture(common, *flags); }; });
}

}  // namespace kv::cli
