// kv verify: whether every byte of a database is what was written.

#include <CLI/CLI.hpp>

#include "cli/commands.h"
#include "cli/data_option.h"
#include "cli/lock_file.h"
#include "cli/progress.h"
#include "cli/upkeep_report.h"
#include "kv/verify.h"

namespace kv::cli {

namespace {

struct VerifyFlags {
  std::string data = "./kv-data";
  std::string rate = "0";
  bool is_online = false;
};

// Long requests wait as long as they take, unless --timeout says otherwise.
int run_online(const Common& common, const VerifyFlags& flags) {
  auto client = connect_patiently(common);
  if (!client) return fail_to_connect(client.error());
  const auto report = client->verify(*parse_size(flags.rate), "json").and_then(verify_report_of);
  if (!report) return fail(report.error());
  print(common, *report);
  return report->findings.empty() ? kExitOk : kExitIntegrity;
}

int fail_offline(const VerifyFlags& flags, const Error& error) {
  const auto holder = error.code == Errc::kLocked ? find_holder(flags.data) : std::nullopt;
  if (!holder) {
    const bool is_nowhere = error.code == Errc::kNotADatabase ||
                            error.cause == std::errc::no_such_file_or_directory ||
                            error.cause == std::errc::not_a_directory;
    constexpr std::string_view kNext =
        "; --data names the directory, --online has a running server verify its own";
    complain(describe(error) + std::string(is_nowhere ? kNext : ""));
    return exit_code_of(error);
  }
  complain(in_use_text(flags.data, *holder) +
           (holder->is_server()
                ? fmt::format("; `kv verify --online --addr {}` has that server verify itself",
                              holder->address)
                : "; try again when it is done"));
  return kExitServerError;
}

int run_verify(const Common& common, const VerifyFlags& flags) {
  if (flags.is_online) return run_online(common, flags);
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
      "verify", "compare every byte of a database with its checksums; changes nothing");
  const CLI::Option* const data =
      add_data_option(*verify, flags->data, "directory of the database, which no server has open");
  verify->add_flag("--online", flags->is_online,
                   "have the server at --addr verify the sealed segments of its own");
  verify->add_option("--rate", flags->rate, "bytes a second, as 64MiB; 0: as fast as it goes")
      ->check([](const std::string& text) {
        return parse_size(text) ? std::string() : text + " is no size such as 64MiB";
      })
      ->capture_default_str();
  verify->callback([=, &common, &run] {
    refuse_empty_variable(*data);
    run = [=, &common] { return run_verify(common, *flags); };
  });
}

}  // namespace kv::cli
