// kv import: the records of a file into the store.

#include <filesystem>
#include <fstream>
#include <iostream>
#include <thread>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "cli/batch_sender.h"
#include "cli/commands.h"
#include "cli/progress.h"
#include "cli/quantity.h"
#include "cli/record_source.h"
#include "cli/write_ack.h"

namespace kv::cli {

namespace {

struct ImportFlags {
  std::string file = "-";
  std::string format = "ndjson";
  std::string on_error = "stop";
  std::uint32_t batch = 500;
  std::string ack;
};

using Step = RecordSource::Step;

// One import from its first record to its last.
class Import {
 public:
  Import(const Common& common, const ImportFlags& flags, Client& client, std::istream& input,
         std::uint64_t size)
      : common_(common),
        flags_(flags),
        source_(input,
                flags.format == "csv" ? RecordSource::Format::kCsv : RecordSource::Format::kNdjson),
        sender_(client, {flags.batch, {{}, {}, ack_of(flags.ack)}},
                [](std::chrono::milliseconds wait) { std::this_thread::sleep_for(wait); }),
        size_(size),
        progress_(common.is_quiet) {}

  int run() {
    JsonRecord record;
    for (Step step = source_.next(record); step != Step::kEnd; step = source_.next(record)) {
      if (step != Step::kRecord) {
        progress_.clear();
        complain(fmt::format("{} line {}: {}", flags_.file == "-" ? "stdin" : flags_.file,
                             source_.line(), source_.problem()));
        if (step == Step::kBroken || flags_.on_error == "stop") return stop();
        skipped_ += 1;
        continue;
      }
      auto sent = sender_.add(record.key, record.value, source_.line());
      if (!sent) return give_up(sent.error());
      progress_.show(++taken_, source_.bytes_read(), share());
    }
    if (auto sent = sender_.finish(); !sent) return give_up(sent.error());
    report();
    return kExitOk;
  }

 private:
  // nullopt: the size of the input is not known.
  std::optional<double> share() const {
    if (size_ == 0) return std::nullopt;
    return static_cast<double>(source_.bytes_read()) / static_cast<double>(size_);
  }
  // At a bad record: what stood in front of it is written.
  int stop() {
    if (auto sent = sender_.finish(); !sent) return give_up(sent.error());
    report();
    return kExitUsage;
  }
  int give_up(const Error& error) {
    progress_.clear();
    const int code = fail(error);
    report();
    return code;
  }
  void report() {
    progress_.clear();
    const auto local = sender_.local_ack();
    if (common_.is_json) {
      nlohmann::ordered_json json{{"imported", sender_.written()}, {"skipped", skipped_}};
      if (local)
        json.update({{"version", local->version}, {"ack", "local"}, {"epoch", local->epoch}});
      say(json.dump() + "\n");
    } else if (!common_.is_quiet) {
      say(fmt::format("imported {}{}\n", counted(sender_.written(), "record"),
                      skipped_ > 0 ? ", skipped " + human_count(skipped_) : ""));
      if (local) {
        say(fmt::format("the last of them are {}\n", local_ack_text(local->version, local->epoch)));
      }
    }
  }

  const Common& common_;
  const ImportFlags& flags_;
  RecordSource source_;
  BatchSender sender_;
  const std::uint64_t size_;  // of the input in bytes; 0: not known
  Progress progress_;
  std::uint64_t taken_ = 0;  // records that were handed to sender_
  std::uint64_t skipped_ = 0;
};

int run_import(const Common& common, const ImportFlags& flags) {
  std::ifstream file;
  std::uint64_t size = 0;
  if (flags.file != "-") {
    std::error_code problem;
    const bool is_folder = std::filesystem::is_directory(flags.file, problem);
    if (!is_folder) file.open(flags.file, std::ios::binary);
    if (is_folder || !file) {
      complain(fmt::format("cannot read {}: {}", flags.file,
                           std::generic_category().message(is_folder ? EISDIR : errno)));
      return kExitUsage;
    }
    size = std::filesystem::file_size(flags.file, problem);
    if (problem) size = 0;
  }
  auto client = connect(common);
  if (!client) return fail_to_connect(client.error());
  return Import(common, flags, *client, flags.file == "-" ? std::cin : file, size).run();
}

}  // namespace

void add_import(CLI::App& app, Common& common, Run& run) {
  auto flags = std::make_shared<ImportFlags>();
  CLI::App* command = app.add_subcommand("import", "store the records of a file");
  command->add_option("file", flags->file, "the file; - reads stdin")->capture_default_str();
  command->add_option("--format", flags->format, "ndjson or csv")
      ->check(CLI::IsMember({"ndjson", "csv"}))
      ->capture_default_str();
  command->add_option("--batch", flags->batch, "records in one atomic batch")
      ->check(CLI::Range(1, 10'000))
      ->capture_default_str();
  command->add_option("--on-error", flags->on_error, "a bad line: stop or skip")
      ->check(CLI::IsMember({"stop", "skip"}))
      ->capture_default_str();
  add_ack(*command, flags->ack);
  command->callback(
      [=, &common, &run] { run = [=, &common] { return run_import(common, *flags); }; });
}

}  // namespace kv::cli
