// import and export.

#include <filesystem>
#include <fstream>
#include <iostream>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "cli/base64.h"
#include "cli/commands.h"
#include "cli/csv.h"
#include "cli/escape.h"
#include "cli/json_text.h"
#include "cli/progress.h"
#include "cli/quantity.h"
#include "cli/utf8.h"

namespace kv::cli {

namespace {

struct TransferFlags {
  std::string file = "-";
  std::string format = "ndjson";
  std::string prefix;
  std::uint32_t batch = 500;
  bool skips_errors = false;
};

// Records of a file, one after the other, whatever its format.
class RecordSource {
 public:
  RecordSource(std::istream& input, const std::string& format)
      : input_(input), csv_(input), is_csv_(format == "csv") {}
  // False at the end. A bad record has a `problem`.
  bool next(JsonRecord& record, std::string& problem);
  std::uint64_t line() const { return is_csv_ ? csv_.line() : line_; }
  std::uint64_t bytes() const { return is_csv_ ? csv_.bytes() : bytes_; }

 private:
  bool next_csv(JsonRecord& record, std::string& problem);
  static bool decode(const std::string& column, std::string& field, std::string& problem);

  std::istream& input_;
  CsvReader csv_;
  const bool is_csv_;
  std::vector<std::string> columns_;
  std::uint64_t line_ = 0;
  std::uint64_t bytes_ = 0;
};

bool RecordSource::next(JsonRecord& record, std::string& problem) {
  if (is_csv_) return next_csv(record, problem);
  problem.clear();
  for (std::string text; std::getline(input_, text);) {
    line_ += 1;
    bytes_ += text.size() + 1;
    if (text.find_first_not_of(" \t\r") == std::string::npos) continue;
    if (auto taken = record_of_json(text, problem)) record = std::move(*taken);
    return true;
  }
  return false;
}

bool RecordSource::decode(const std::string& column, std::string& field, std::string& problem) {
  if (!column.ends_with("_b64")) return true;
  auto bytes = from_base64(field);
  if (!bytes) {
    problem = column + " is not base64";
    return false;
  }
  field = std::move(*bytes);
  return true;
}

bool RecordSource::next_csv(JsonRecord& record, std::string& problem) {
  std::vector<std::string> fields;
  if (columns_.empty()) {
    if (!csv_.next(columns_, problem)) return false;
    const bool is_header = columns_.size() == 2 &&
                           (columns_[0] == "key" || columns_[0] == "key_b64") &&
                           (columns_[1] == "value" || columns_[1] == "value_b64");
    if (!is_header) {
      problem = "the first line must be key,value (or key_b64,value_b64)";
      return true;
    }
  }
  if (!csv_.next(fields, problem)) return false;
  if (!problem.empty()) return true;
  if (fields.size() != 2) {
    problem = fmt::format("{} fields instead of 2", fields.size());
    return true;
  }
  if (!decode(columns_[0], fields[0], problem) || !decode(columns_[1], fields[1], problem))
    return true;
  record = {std::move(fields[0]), std::move(fields[1])};
  return true;
}

// Sends batches, several in a pipeline.
class BatchSender {
 public:
  BatchSender(Client& client, std::uint32_t batch_max) : client_(client), batch_max_(batch_max) {}

  Result<void> add(const JsonRecord& record) {
    batch_.put(record.key, record.value);
    batch_bytes_ += record.key.size() + record.value.size();
    if (batch_.operations().size() < batch_max_ && batch_bytes_ < kBatchBytes) return {};
    return queue();
  }
  Result<void> finish() {
    if (auto queued = queue(); !queued) return queued;
    return drain();
  }
  std::uint64_t written() const { return written_; }

 private:
  static constexpr std::uint64_t kBatchBytes = 1024 * 1024;
  static constexpr std::uint64_t kPipelineBytes = 4 * 1024 * 1024;

  Result<void> queue() {
    if (batch_.operations().empty()) return {};
    if (auto queued = pipeline_.write(batch_); !queued) return queued;
    counts_.push_back(batch_.operations().size());
    queued_bytes_ += batch_bytes_;
    batch_.clear();
    batch_bytes_ = 0;
    return queued_bytes_ < kPipelineBytes ? Result<void>() : drain();
  }
  Result<void> drain() {
    queued_bytes_ = 0;
    const auto replies = pipeline_.drain();
    const auto counts = std::exchange(counts_, {});
    for (std::size_t i = 0; i < replies.size(); ++i) {
      if (!replies[i]) return tl::unexpected(replies[i].error());
      written_ += counts[i];
    }
    return {};
  }

  Client& client_;
  Client::Pipeline pipeline_ = client_.pipeline();
  const std::uint32_t batch_max_;
  Batch batch_;
  std::uint64_t batch_bytes_ = 0;
  std::uint64_t queued_bytes_ = 0;
  std::vector<std::uint64_t> counts_;
  std::uint64_t written_ = 0;
};

int report_import(const Common& common, std::uint64_t written, std::uint64_t skipped) {
  if (common.is_json) {
    say(nlohmann::ordered_json{{"imported", written}, {"skipped", skipped}}.dump() + "\n");
  } else if (!common.is_quiet) {
    say(fmt::format("imported {} records{}\n", human_count(written),
                    skipped > 0 ? fmt::format(", skipped {}", human_count(skipped)) : ""));
  }
  return kExitOk;
}

int run_import(const Common& common, const TransferFlags& flags) {
  std::ifstream file;
  std::uint64_t size = 0;
  if (flags.file != "-") {
    file.open(flags.file, std::ios::binary);
    if (!file) {
      complain(
          fmt::format("cannot read {}: {}", flags.file, std::generic_category().message(errno)));
      return kExitUsage;
    }
    std::error_code ignored;
    size = std::filesystem::file_size(flags.file, ignored);
    if (ignored) size = 0;
  }
  auto client = connect(common);
  if (!client) return fail_to_connect(client.error());
  RecordSource source(flags.file == "-" ? std::cin : file, flags.format);
  BatchSender sender(*client, flags.batch);
  Progress progress(size, common.is_quiet);
  JsonRecord record;
  std::string problem;
  std::uint64_t skipped = 0;
  while (source.next(record, problem)) {
    if (problem.empty() && (record.key.empty() || record.key.size() > kKeySizeMax)) {
      problem = "a key has 1 to 65536 bytes";
    }
    if (!problem.empty()) {
      complain(fmt::format("{} line {}: {}", flags.file, source.line(), problem));
      if (!flags.skips_errors) {
        [[maybe_unused]] const auto sent = sender.finish();
        complain(
            fmt::format("stopped after {} records; --on-error skip goes on", sender.written()));
        return kExitUsage;
      }
      skipped += 1;
      continue;
    }
    if (auto sent = sender.add(record); !sent) return fail(sent.error());
    progress.show(sender.written(), source.bytes());
  }
  if (auto sent = sender.finish(); !sent) return fail(sent.error());
  return report_import(common, sender.written(), skipped);
}

std::string csv_line(const Item& item, bool is_coded) {
  std::string out;
  append_csv_field(out, is_coded ? base64(item.key) : item.key);
  out += ',';
  append_csv_field(out, is_coded ? base64(item.value) : item.value);
  return out + "\r\n";
}

int run_export(const Common& common, const TransferFlags& flags) {
  std::FILE* out = stdout;
  if (flags.file != "-") {
    out = std::fopen(flags.file.c_str(), "wb");
    if (out == nullptr) {
      complain(
          fmt::format("cannot write {}: {}", flags.file, std::generic_category().message(errno)));
      return kExitUsage;
    }
  }
  auto client = connect(common);
  if (!client) return fail_to_connect(client.error());
  const bool is_csv = flags.format != "ndjson";
  const bool is_coded = flags.format == "csv-b64";
  if (is_csv) std::fputs(is_coded ? "key_b64,value_b64\r\n" : "key,value\r\n", out);
  Progress progress(0, common.is_quiet || out == stdout);
  std::uint64_t bytes = 0;
  std::uint64_t records = 0;
  std::string not_text;
  const RangeOptions range = flags.prefix.empty() ? RangeOptions{} : prefix_range(flags.prefix);
  auto count = client->range(range, [&](Item& item) {
    if (is_csv && !is_coded && (!is_utf8(item.key) || !is_utf8(item.value))) {
      not_text = item.key;
      return false;
    }
    const std::string line =
        is_csv ? csv_line(item, is_coded) : json_of(item.key, &item.value, 0) + "\n";
    bytes += line.size();
    progress.show(++records, bytes);
    return std::fwrite(line.data(), 1, line.size(), out) == line.size();
  });
  const bool is_written = std::fflush(out) == 0 && std::ferror(out) == 0;
  if (out != stdout) std::fclose(out);
  if (!count) return fail(count.error());
  if (!not_text.empty()) {
    complain(fmt::format("{} holds bytes that are no text; --format csv-b64 or ndjson carries them",
                         in_quotes(not_text)));
    return kExitUsage;
  }
  if (!is_written) {
    complain("cannot write " + flags.file);
    return kExitServerError;
  }
  return kExitOk;
}

}  // namespace

void add_transfer(CLI::App& app, Common& common, Run& run) {
  auto flags = std::make_shared<TransferFlags>();
  CLI::App* import = app.add_subcommand("import", "store the records of a file");
  import->add_option("file", flags->file, "the file; - reads stdin")->capture_default_str();
  import->add_option("--format", flags->format, "ndjson or csv")
      ->check(CLI::IsMember({"ndjson", "csv"}))
      ->capture_default_str();
  import->add_option("--batch", flags->batch, "records in one atomic batch")
      ->check(CLI::Range(1, 10'000))
      ->capture_default_str();
  auto on_error = std::make_shared<std::string>("stop");
  import->add_option("--on-error", *on_error, "a bad line: stop or skip")
      ->check(CLI::IsMember({"stop", "skip"}))
      ->capture_default_str();
  import->callback([=, &common, &run] {
    flags->skips_errors = *on_error == "skip";
  run = [=, &common] { return run_import(common, *flags); };
});

CLI::App* out = app.add_subcommand("export", "print all records, in order of their keys");
out->add_option("file", flags->file, "the file; - writes to stdout")->capture_default_str();
out->add_option("--format", flags->format, "ndjson, csv (text only) or csv-b64 (any bytes)")
    ->check(CLI::IsMember({"ndjson", "csv", "csv-b64"}))
    ->capture_default_str();
out->add_option("--prefix", flags->prefix, "keys that begin with this");
out->callback([=, &common, &run] { run = [=, &common] { return run_export(common, *flags); }; });
}  // namespace kv::cli

}  // namespace kv::cli
