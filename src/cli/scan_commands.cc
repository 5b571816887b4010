// range and count.

#include <cstdio>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "cli/commands.h"
#include "cli/escape.h"
#include "cli/json_text.h"
#include "cli/read_level.h"

namespace kv::cli {

namespace {

struct ScanFlags {
  std::string start;
  std::string end;
  std::string prefix;
  std::uint64_t limit = UINT64_MAX;
  bool is_keys_only = false;
  bool is_reverse = false;
  ReadLevelFlags level;

  RangeOptions options() const {
    RangeOptions out = prefix.empty() ? RangeOptions{} : prefix_range(prefix);
    if (!start.empty()) out.start = start;
    if (!end.empty()) out.end = end;
    out.limit = limit;
    out.is_keys_only = is_keys_only;
    out.is_reverse = is_reverse;
    return out;
  }
};

void print_item(const Common& common, const ScanFlags& flags, const Item& item) {
  if (common.is_json) {
    say(json_of(item.key, flags.is_keys_only ? nullptr : &item.value, item.version) + "\n");
  } else if (flags.is_keys_only) {
    say(shown(item.key) + "\n");
  } else {
    say(shown(item.key) + "\t" + shown(item.value) + "\n");
  }
}

int run_range(const Common& common, const ScanFlags& flags) {
  auto client = connect(common);
  if (!client) return fail_to_connect(client.error());
  const auto print = [&](Item& item) {
    print_item(common, flags, item);
    return std::ferror(stdout) == 0;
  };
  auto count = client->range(flags.options(), print, flags.level.options());
  if (!count) return fail(count.error());
  return kExitOk;
}

int run_count(const Common& common, ScanFlags flags) {
  flags.is_keys_only = true;
  auto client = connect(common);
  if (!client) return fail_to_connect(client.error());
  const auto take = [](Item&) { return true; };
  auto count = client->range(flags.options(), take, flags.level.options());
  if (!count) return fail(count.error());
  say(common.is_json ? nlohmann::json{{"count", *count}}.dump() + "\n"
                     : std::to_string(*count) + "\n");
  return kExitOk;
}

}  // namespace

void add_scan(CLI::App& app, Common& common, Run& run) {
  auto flags = std::make_shared<ScanFlags>();
  CLI::App* range = app.add_subcommand("range", "print keys and values in order");
  CLI::Option* const start = range->add_option("START", flags->start, "first key");
  CLI::Option* const end = range->add_option("END", flags->end, "key to stop before");
  range->add_option("--prefix", flags->prefix, "keys that begin with this; without START and END")
      ->excludes(start)
      ->excludes(end);
  range->add_option("--limit", flags->limit, "how many at most")->check(at_least_one);
  range->add_flag("--keys-only", flags->is_keys_only, "no values");
  range->add_flag("--reverse", flags->is_reverse, "from the end backwards");
  flags->level.add_to(*range);
  range->callback([=, &common, &run] { run = [=, &common] { return run_range(common, *flags); }; });

  CLI::App* count = app.add_subcommand("count", "count keys");
  count->add_option("--prefix", flags->prefix, "keys that begin with this");
  flags->level.add_to(*count);
  count->callback([=, &common, &run] { run = [=, &common] { return run_count(common, *flags); }; });
}

}  // namespace kv::cli
