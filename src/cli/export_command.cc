// kv export: all records, in the order of their keys.

#include <cerrno>
#include <cstdio>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "base/base64.h"
#include "base/utf8.h"
#include "cli/commands.h"
#include "cli/csv.h"
#include "cli/escape.h"
#include "cli/json_text.h"
#include "cli/progress.h"

namespace kv::cli {

namespace {

struct ExportFlags {
  std::string file = "-";
  std::string format = "ndjson";
  std::string prefix;
};

std::string csv_line(const Item& item, bool is_base64) {
  std::string out;
  append_csv_field(out, is_base64 ? base::base64(item.key) : item.key);
  out += ',';
  append_csv_field(out, is_base64 ? base::base64(item.value) : item.value);
  return out + "\r\n";
}

// For the progress bar alone, so that a server that does not tell is good enough.
std::uint64_t keys_of(Client& client) {
  const auto text = client.stats("json", "store");
  if (!text) return 0;
  const auto stats = nlohmann::json::parse(*text, nullptr, false);
  const auto store = stats.is_object() ? stats.find("store") : stats.end();
  return store != stats.end() && store->is_object() ? store->value("keys", std::uint64_t{0}) : 0;
}

// One export from its first record to its last.
class Export {
 public:
  Export(const Common& common, const ExportFlags& flags, std::FILE* out)
      : flags_(flags),
        out_(out),
        progress_(common.is_quiet || (out == stdout && stdout_is_terminal())) {}

  int run(Client& client) {
    if (flags_.format == "csv") write("key,value\r\n");
    if (flags_.format == "csv-b64") write("key_b64,value_b64\r\n");
    const RangeOptions range = flags_.prefix.empty() ? RangeOptions{} : prefix_range(flags_.prefix);
    keys_ = flags_.prefix.empty() ? keys_of(client) : 0;
    const auto count = client.range(range, [this](Item& item) { return take(item); });
    progress_.clear();
    if (!count) return fail(count.error());
    if (!not_text_.empty()) {
      complain(fmt::format("{} holds bytes that are no text; csv-b64 and ndjson carry them",
                           in_quotes(not_text_)));
      return kExitUsage;
    }
    return kExitOk;
  }

 private:
  bool take(const Item& item) {
    if (flags_.format == "ndjson") {
      write(json_of(item.key, &item.value, 0) + "\n");
    } else if (flags_.format == "csv-b64") {
      write(csv_line(item, true));
    } else if (base::is_utf8(item.key) && base::is_utf8(item.value)) {
      write(csv_line(item, false));
    } else {
      not_text_ = item.key;
      return false;
    }
    std::optional<double> share;
    records_ += 1;
    if (keys_ > 0) share = static_cast<double>(records_) / static_cast<double>(keys_);
    progress_.show(records_, bytes_, share);
    return std::ferror(out_) == 0;
  }
  void write(const std::string& text) {
    std::fwrite(text.data(), 1, text.size(), out_);
    bytes_ += text.size();
  }

  const ExportFlags& flags_;
  std::FILE* const out_;
  Progress progress_;
  std::uint64_t keys_ = 0;  // how many there may be; 0: not known
  std::uint64_t records_ = 0;
  std::uint64_t bytes_ = 0;
  std::string not_text_;  // the key of the record that CSV cannot carry
};

int cannot_write(const std::string& file, int number) {
  complain(fmt::format("cannot write {}: {}", file, std::generic_category().message(number)));
  return kExitServerError;
}

int run_export(const Common& common, const ExportFlags& flags) {
  if (common.is_json && flags.format != "ndjson") {
    complain("--json prints JSON, which --format " + flags.format + " is not");
    return kExitUsage;
  }
  auto client = connect(common);
  if (!client) return fail_to_connect(client.error());
  if (flags.file == "-") return Export(common, flags, stdout).run(*client);
  std::FILE* const out = std::fopen(flags.file.c_str(), "wb");
  if (out == nullptr) return cannot_write(flags.file, errno);
  const int code = Export(common, flags, out).run(*client);
  const bool is_written = std::fflush(out) == 0 && std::ferror(out) == 0;
  const int number = errno;
  std::fclose(out);
  return is_written ? code : cannot_write(flags.file, number);
}

}  // namespace

void add_export(CLI::App& app, Common& common, Run& run) {
  auto flags = std::make_shared<ExportFlags>();
  CLI::App* command = app.add_subcommand("export", "print all records, in order of their keys");
  command->add_option("file", flags->file, "the file; - writes to stdout")->capture_default_str();
  command->add_option("--format", flags->format, "ndjson, csv (text only) or csv-b64 (any bytes)")
      ->check(CLI::IsMember({"ndjson", "csv", "csv-b64"}))
      ->capture_default_str();
  command->add_option("--prefix", flags->prefix, "keys that begin with this");
  command->callback(
      [=, &common, &run] { run = [=, &common] { return run_export(common, *flags); }; });
}

}  // namespace kv::cli
