#include "cli/shell_grammar.h"

#include <charconv>

#include "cli/stats_sections.h"
#include "cli/write_ack.h"

namespace kv::cli {

namespace {

constexpr std::string_view kHelp =
    "PUT key value [if=absent|present|VERSION] [DURABLE]\n"
    "GET key [LEVEL]\n"
    "DEL key [if=VERSION] [DURABLE]\n"
    "BPUT [DURABLE] key value [key value ...]   all of them or none\n"
    "RANGE [start [end]] [limit=20] [rev=1] [keys=1] [LEVEL]\n"
    "PREFIX prefix [limit=20] [rev=1] [keys=1] [LEVEL]\n"
    "WAIT [ver=N [epoch=E]] [timeout_ms=1000]   until the server has all up to version N; with\n"
    "                                           the epoch of its ack=local, that very write\n"
    "STATS [section]\n"
    "MERGE [rate=BYTES], MERGE pause|resume|stop\n"
    "INSPECT key\n"
    "CLUSTER [transfer [NODE]]\n"
    "PING, HELP, QUIT\n"
    "DURABLE, when to answer: sync=none|interval|disk, and in a cluster ack=majority|local.\n"
    "LEVEL, for what need not be the newest: max_stale_ms=N, or min_ver=N [timeout_ms=1000].\n"
    "Words with blanks or other bytes stand in quotes: \"two words\", \"a\\x00b\", \"line\\n\".\n"
    "So does a key that would be an option where it stands: BPUT \"ack=local\" value.";

std::optional<Sync> sync_of(const std::string& text) {
  if (text == "none") return Sync::kNone;
  if (text == "interval") return Sync::kInterval;
  if (text == "disk") return Sync::kDisk;
  return std::nullopt;
}

}  // namespace

std::string_view shell_help() { return kHelp; }

const std::vector<VerbOptions>& verbs() {
  static const std::vector<VerbOptions> table = {
      {"PUT",
       {"if=absent", "if=present", "sync=none", "sync=interval", "sync=disk", "ack=majority",
        "ack=local"}},
      {"GET", {"max_stale_ms=", "min_ver=", "timeout_ms="}},
      {"DEL", {"if=", "sync=none", "sync=interval", "sync=disk", "ack=majority", "ack=local"}},
      {"BPUT", {"sync=none", "sync=interval", "sync=disk", "ack=majority", "ack=local"}},
      {"RANGE", {"limit=", "rev=1", "keys=1", "max_stale_ms=", "min_ver=", "timeout_ms="}},
      {"PREFIX", {"limit=", "rev=1", "keys=1", "max_stale_ms=", "min_ver=", "timeout_ms="}},
      {"WAIT", {"ver=", "epoch=", "timeout_ms="}},
      {"STATS", {kStatsSections.begin(), kStatsSections.end()}},
      {"MERGE", {"rate=", "pause", "resume", "stop"}},
      {"INSPECT", {}},
      {"CLUSTER", {"transfer"}},
      {"PING", {}},
      {"HELP", {}},
      {"QUIT", {}}};
  return table;
}

std::optional<NamedOption> option_of(const Word& word) {
  if (word.is_quoted) return std::nullopt;
  for (const char* name : {"if", "sync", "limit", "rev", "keys", "max_stale_ms", "min_ver",
                           "timeout_ms", "ver", "epoch", "ack"}) {
    const std::string start = std::string(name) + "=";
    if (word.text.starts_with(start)) {
      return NamedOption{std::string(name), word.text.substr(start.size())};
    }
  }
  return std::nullopt;
}

std::optional<std::uint64_t> number_of(const std::string& text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

bool take_write_option(const NamedOption& option, WriteOptions& out) {
  const auto& [name, value] = option;
  if (name == "sync") {
    const auto sync = sync_of(value);
    if (sync) out.sync = sync;
    return sync.has_value();
  }
  if (name == "ack") {
    const auto ack = ack_of(value);
    if (ack) out.ack = ack;
    return ack.has_value();
  }
  if (name != "if") return false;
  if (value == "absent") {
    out.condition.kind = Condition::Kind::kAbsent;
  } else if (value == "present") {
    out.condition.kind = Condition::Kind::kPresent;
  } else if (const auto version = number_of(value)) {
    out.condition = {Condition::Kind::kVersion, *version};
  } else {
    return false;
  }
  return true;
}

bool take_level_option(const std::string& name, std::uint64_t number, ReadOptions& out) {
  if (number == 0) return false;
  const auto time = std::chrono::milliseconds(number);
  if (name == "max_stale_ms") out.stale_max = time;
  if (name == "min_ver") out.min_version = number;
  if (name == "timeout_ms") out.patience = time;
  return name == "max_stale_ms" || name == "min_ver" || name == "timeout_ms";
}

bool take_range_option(const std::string& name, std::uint64_t number, RangeOptions& out) {
  if (name == "limit" && number > 0) {
    out.limit = number;
    return true;
  }
  if (name == "rev" && number <= 1) {
    out.is_reverse = number == 1;
    return true;
  }
  if (name == "keys" && number <= 1) {
    out.is_keys_only = number == 1;
    return true;
  }
  return false;
}

}  // namespace kv::cli
