// kv backup: create, verify and restore.

#include <filesystem>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "cli/commands.h"
#include "cli/lock_file.h"
#include "cli/progress.h"
#include "cli/verify_report.h"
#include "kv/backup.h"
#include "kv/store.h"

namespace kv::cli {

namespace {

struct BackupFlags {
  std::string from;
  std::string to;
  std::string rate = "0";
  bool is_copied = false;
};

void print(const Common& common, const std::string& done, const BackupSummary& summary) {
  if (common.is_json) {
    say(nlohmann::ordered_json{{"version", summary.version},
                               {"files", summary.files},
                               {"bytes", summary.bytes},
                               {"reused", summary.reused},
                               {"linked", summary.linked},
                               {"copied", summary.copied},
                               {"bytes_copied", summary.bytes_copied}}
            .dump() +
        "\n");
  } else if (!common.is_quiet) {
    say(fmt::format(
        "{}: everything up to version {}, {} files, {} ({} reused, {} linked, {} "
        "copied)\n",
        done, summary.version, summary.files, human_bytes(static_cast<double>(summary.bytes)),
        summary.reused, summary.linked, summary.copied));
  }
}

// By the server that has the database open, on its machine.
int run_create_online(const Common& common, const BackupFlags& flags) {
  auto client = connect_patiently(common);
  if (!client) return fail_to_connect(client.error());
  const std::string to = std::filesystem::absolute(flags.from).lexically_normal().string();
  const auto page = client->backup(to, !flags.is_copied, *parse_size(flags.rate),
                                   common.is_json ? "json" : "text");
  if (!page) return fail(page.error());
  if (!common.is_quiet) say(*page + "\n");
  return kExitOk;
}

// Of a database that no server has open: this opens it as a server would, with its recovery.
int run_create(const Common& common, const BackupFlags& flags) {
  if (flags.to.empty()) return run_create_online(common, flags);
  Options options;
  options.create_if_missing = false;
  options.merges_automatically = false;
  options.scrub_rate = 0;
  options.holder = "kv backup\n";
  auto store = Store::open(flags.from, options);
  if (!store) {
    const auto holder =
        store.error().code == Errc::kLocked ? find_holder(flags.from) : std::nullopt;
    if (!holder) return fail(store.error());
    complain(
        fmt::format("{} is in use by kv pid {} on {}; `kv backup create DST --addr {}` has "
                    "that server make the backup",
                    flags.from, holder->pid, holder->address, holder->address));
    return kExitServerError;
  }
  BackupOptions how;
  how.may_link = !flags.is_copied;
  how.rate_max = *parse_size(flags.rate);
  const auto summary = store->backup(flags.to, how);
  if (!summary) return fail(summary.error());
  print(common, flags.to, *summary);
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
  const auto report = verify_backup(flags.from, with_progress(flags, progress));
  progress.clear();
  if (!report) return fail(report.error());
  print(common, *report);
  return report->findings.empty() ? kExitOk : kExitIntegrity;
}

int run_restore(const Common& common, const BackupFlags& flags) {
  Progress progress(common.is_quiet);
  const auto summary = restore_backup(flags.from, flags.to, with_progress(flags, progress));
  progress.clear();
  if (!summary) return fail(summary.error());
  print(common, flags.to, *summary);
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
      "create",
      "bring a backup up to date, or make it: SRC DST of a stopped database, DST of the server at "
      "--addr");
  create->add_option("from", flags->from, "directory of the stopped database; or of the backup")
      ->required();
  create->add_option("to", flags->to, "directory of the backup; none: the server makes it");
  create->add_flag("--copy", flags->is_copied, "copy segments even where a hard link would do");
  add_rate(*create, *flags);
  create->callback(
      [=, &common, &run] { run = [=, &common] { return run_create(common, *flags); }; });

  CLI::App* verify =
      backup->add_subcommand("verify", "compare every byte of a backup with its checksums");
  verify->add_option("backup", flags->from, "directory of the backup")->required();
  add_rate(*verify, *flags);
  verify->callback(
      [=, &common, &run] { run = [=, &common] { return run_backup_verify(common, *flags); }; });

  CLI::App* restore =
      backup->add_subcommand("restore", "verify a backup and make a database out of it");
  restore->add_option("backup", flags->from, "directory of the backup")->required();
  restore->add_option("to", flags->to, "directory of the database; must be empty or missing")
      ->required();
  add_rate(*restore, *flags);
  restore->callback(
      [=, &common, &run] { run = [=, &common] { return run_restore(common, *flags); }; });
}

}  // namespace kv::cli
