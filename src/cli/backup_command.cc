// kv backup: create, verify and restore.

#include <filesystem>

#include <CLI/CLI.hpp>

#include "cli/commands.h"
#include "cli/data_option.h"
#include "cli/lock_file.h"
#include "cli/progress.h"
#include "cli/upkeep_report.h"
#include "kv/store.h"

namespace kv::cli {

namespace {

struct BackupFlags {
  std::string backup;
  std::string data;
  std::string rate = "0";
  bool is_copied = false;
};

// By the server that has the database open, on its machine.
int run_create_online(const Common& common, const BackupFlags& flags) {
  auto client = connect_patiently(common);
  if (!client) return fail_to_connect(client.error());
  const std::string to = std::filesystem::absolute(flags.backup).lexically_normal().string();
  const auto summary = client->backup(to, !flags.is_copied, *parse_size(flags.rate), "json")
                           .and_then(backup_summary_of);
  if (!summary) return fail(summary.error());
  print(common, flags.backup, *summary);
  return kExitOk;
}

// Of a database that no server has open: this opens it as a server would, with its recovery.
int run_create(const Common& common, const BackupFlags& flags) {
  if (flags.data.empty()) return run_create_online(common, flags);
  Options options;
  options.create_if_missing = false;
  options.merges_automatically = false;
  options.scrub_rate = 0;
  options.holder = "kv backup\n";
  auto store = Store::open(flags.data, options);
  if (!store) {
    const auto holder =
        store.error().code == Errc::kLocked ? find_holder(flags.data) : std::nullopt;
    if (!holder) return fail(store.error());
    complain(
        fmt::format("{} is in use by kv pid {} on {}; `kv backup create {} --addr {}` "
                    "has that server make the backup",
                    flags.data, holder->pid, holder->address, flags.backup, holder->address));
    return kExitServerError;
  }
  BackupOptions how;
  how.may_link = !flags.is_copied;
  how.rate_max = *parse_size(flags.rate);
  const auto summary = store->backup(flags.backup, how);
  if (!summary) return fail(summary.error());
  print(common, flags.backup, *summary);
  return kExitOk;
}

VerifyOptions with_progress(const BackupFlags& flags, Progress& progress) {
  VerifyOptions options;
  options.rate_max = *parse_size(flags.rate);
  options.progress = [&progress](std::uint64_t done, std::uint64_t total) {
    progress.show(0, done, total == 0 ? 1 : static_cast<double>(done) / static_cast<double>(total));
    return true;
  };
  return options;
}

int run_backup_verify(const Common& common, const BackupFlags& flags) {
  Progress progress(common.is_quiet);
  const auto report = verify_backup(flags.backup, with_progress(flags, progress));
  progress.clear();
  if (!report) return fail(report.error());
  print(common, *report);
  return report->findings.empty() ? kExitOk : kExitIntegrity;
}

int run_restore(const Common& common, const BackupFlags& flags) {
  Progress progress(common.is_quiet);
  const auto summary = restore_backup(flags.backup, flags.data, with_progress(flags, progress));
  progress.clear();
  if (!summary) return fail(summary.error());
  print(common, flags.data, *summary);
  return kExitOk;
}

void add_rate(CLI::App& command, BackupFlags& flags) {
  command.add_option("--rate", flags.rate, "bytes a second, as 64MiB; 0: as fast as it goes")
      ->check([](const std::string& text) {
        return parse_size(text) ? std::string() : text + " is no size such as 64MiB";
      })
      ->capture_default_str();
}

}  // namespace

void add_backup(CLI::App& app, Common& common, Run& run) {
  auto flags = std::make_shared<BackupFlags>();
  CLI::App* backup = app.add_subcommand("backup", "create, verify or restore a backup");
  backup->require_subcommand(1);

  CLI::App* create = backup->add_subcommand(
      "create", "bring a backup up to date, or make it: by the server at --addr, on its machine");
  create->add_option("DST", flags->backup, "directory of the backup, made if it is missing")
      ->required()
      ->check(problem_with_directory);
  create
      ->add_option("--data", flags->data,
                   "directory of a database that no server has open, instead of a server's")
      ->check(problem_with_directory);
  create->add_flag("--copy", flags->is_copied, "copy segments even where a hard link would do");
  add_rate(*create, *flags);
  create->callback(
      [=, &common, &run] { run = [=, &common] { return run_create(common, *flags); }; });

  CLI::App* verify =
      backup->add_subcommand("verify", "compare every byte of a backup with its checksums");
  verify->add_option("BACKUP", flags->backup, "directory of the backup")
      ->required()
      ->check(problem_with_directory);
  add_rate(*verify, *flags);
  verify->callback(
      [=, &common, &run] { run = [=, &common] { return run_backup_verify(common, *flags); }; });

  CLI::App* restore =
      backup->add_subcommand("restore", "verify a backup and make a database out of it");
  restore->add_option("BACKUP", flags->backup, "directory of the backup")
      ->required()
      ->check(problem_with_directory);
  restore->add_option("DIR", flags->data, "directory of the database; must be empty or missing")
      ->required()
      ->check(problem_with_directory);
  add_rate(*restore, *flags);
  restore->callback(
      [=, &common, &run] { run = [=, &common] { return run_restore(common, *flags); }; });
}

}  // namespace kv::cli
