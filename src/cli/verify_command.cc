// kv verify: whether every byte of a database is what was written.

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "cli/commands.h"
#include "cli/finding_text.h"
#include "cli/lock_file.h"
#include "cli/progress.h"
#include "kv/verify.h"

namespace kv::cli {

namespace {

struct VerifyFlags {
  std::string data = "./kv-data";
  std::string rate = "0";
};

int fail_offline(const VerifyFlags& flags, const Error& error) {
  const auto holder = error.code == Errc::kLocked ? find_holder(flags.data) : std::nullopt;
  if (!holder) return fail(error);
  complain(
      fmt::format("{} is in use by kv pid {} on {}; stop it first, or let it verify itself: "
                  "it reads all segments in turn, see `kv stats scrub`",
                  flags.data, holder->pid, holder->address));
  return kExitServerError;
}

void print(const Common& common, const VerifyReport& report) {
  if (common.is_json) {
    nlohmann::ordered_json out{{"segments", report.segments}, {"hints", report.hints},
                               {"records", report.records},   {"bytes", report.bytes},
                               {"notes", report.notes},       {"findings", nullptr}};
    out["findings"] = nlohmann::ordered_json::parse(json_of(report.findings));
    say(out.dump() + "\n");
    return;
  }
  for (const Finding& finding : report.findings) say(text_of(finding) + "\n");
  if (common.is_quiet) return;
  for (const std::string& note : report.notes) say("note: " + note + "\n");
  say(fmt::format("{}: {} records in {} segments, {} hints, {} read, {} findings\n",
                  report.findings.empty() ? "clean" : "DAMAGED", human_count(report.records),
                  report.segments, report.hints, human_bytes(static_cast<double>(report.bytes)),
                  report.findings.size()));
}

int run_verify(const Common& common, const VerifyFlags& flags) {
  VerifyOptions options;
  options.rate_max = *parse_size(flags.rate);
  Progress progress(common.is_quiet);
  options.progress = [&](std::uint64_t done, std::uint64_t total) {
    const double share = total == 0 ? 1 : static_cast<double>(done) / static_cast<double>(total);
    progress.show(0, done, share);
    return true;
  };
  const auto report = verify(flags.data, options);
  progress.clear();
  if (!report) return fail_offline(flags, report.error());
  print(common, *report);
  return report->findings.empty() ? kExitOk : kExitIntegrity;
}

}  // namespace

void add_verify(CLI::App& app, Common& common, Run& run) {
  auto flags = std::make_shared<VerifyFlags>();
  CLI::App* verify = app.add_subcommand(
      "verify", "compare every byte of a stopped database with its checksums; changes nothing");
  verify->add_option("data", flags->data, "directory of the database")
      ->envname("KV_DATA")
      ->capture_default_str();
  verify->add_option("--rate", flags->rate, "bytes a second, as 64MiB; 0: as fast as it goes")
      ->check([](const std::string& text) {
        return parse_size(text) ? std::string() : text + " is no size such as 64MiB";
      })
      ->capture_default_str();
  verify->callback(
      [=, &common, &run] { run = [=, &common] { return run_verify(common, *flags); }; });
}

}  // namespace kv::cli
