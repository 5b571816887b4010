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
  std::string text = counted(progress.cuts, "start") + " after a cut";
  if (progress.scripts_left > 0) text += ", " + counted(progress.scripts_left, "script") + " to go";
  return text + fmt::format(", {}, {}", counted(progress.seeds, "seed"),
                            counted(progress.operations, "operation"));
}

// What is to come, on stderr: the scripts alone take longer than one waits for a sign of life.
std::string plan_text(const CampaignOptions& options) {
  std::string text;
  if (options.has_scripts) {
    text = fmt::format("{}, cut off everywhere (--no-scripts leaves them out), then ",
                       counted(torture::scripts().size(), "script"));
  }
  if (options.seeds == 1) return text + "1 random life";
  if (options.seeds > 0) return text + human_count(options.seeds) + " random lives";
  return text + "random lives until the time is over";
}

// How far it is: on a terminal in one line that changes, elsewhere in one a while.
class TortureProgress {
 public:
  explicit TortureProgress(bool is_silent)
      : is_silent_(is_silent), is_terminal_(stderr_is_terminal()) {}

  void begin(const CampaignOptions& options) const {
    if (!is_silent_) fmt::print(stderr, "{}\n", plan_text(options));
  }
  void show(const CampaignProgress& progress) {
    if (is_silent_) return;
    if (is_terminal_) {
      fmt::print(stderr, "\r{}\x1b[K", progress_text(progress));
    } else if (const auto now = Clock::now(); now - last_ >= kBetweenLines) {
      last_ = now;
      fmt::print(stderr, "{}\n", progress_text(progress));
    }
    std::fflush(stderr);
  }
  void end() const {
    if (!is_silent_ && is_terminal_) fmt::print(stderr, "\r\x1b[K");
  }

 private:
  using Clock = std::chrono::steady_clock;
  static constexpr std::chrono::seconds kBetweenLines{10};
  const bool is_silent_;
  const bool is_terminal_;
  Clock::time_point last_ = Clock::now();
};

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
  TortureProgress shown(common.is_quiet || common.is_json);
  shown.begin(options);
  const auto finding =
      campaign.run([&](const CampaignProgress& progress) { shown.show(progress); });
  shown.end();
  return report(common, finding, campaign.progress());
}

}  // namespace

void add_torture(CLI::App& app, Common& common, Run& run) {
  auto flags = std::make_shared<TortureFlags>();
  CLI::App* torture = app.add_subcommand(
      "torture", "look for crashes that break a promise, on a simulated machine");
  torture->add_option("--seed", flags->campaign.seed, "the first seed")->capture_default_str();
  torture->add_option("--seeds", flags->campaign.seeds,
                      "how many random lives, after the scripts (2000 without --hours)");
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
