// version and help.

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "cli/commands.h"
#include "kv/version.h"

namespace kv::cli {

namespace {

constexpr std::string_view kExitCodes =
    "exit codes of kv\n"
    "  0  success\n"
    "  1  the server answered ERR, or `kv start` could not start\n"
    "  2  wrong flag, argument or config entry\n"
    "  3  key not found\n"
    "  4  conflict: a condition did not hold\n"
    "  5  try later; a cluster has no leader\n"
    "  6  data damaged or of a newer kv, failed conformance cases, a finding of torture, a wrong\n"
    "     answer under bench\n"
    "  7  cannot connect, or no answer in time\n"
    "  8  outcome unknown: the write may have been applied\n"
    "  9  denied\n"
    "130  interrupted\n";

constexpr std::string_view kConfig =
    "An option of `kv start` comes from, first one wins: its flag, its environment variable "
    "(KV_DATA for\n"
    "--data, KV_SYNC_INTERVAL_MS for --sync-interval-ms), its line in the file named by --config, "
    "its default.\n"
    "The file holds `name = value` lines, names as the flags without --. Unknown names are "
    "errors.\n";

// The command that `words` name one below the other: backup create. nullptr: there is none.
const CLI::App* find_command(const CLI::App& app, const std::vector<std::string>& words) {
  const CLI::App* found = &app;
  for (const std::string& word : words) {
    const auto below =
        found->get_subcommands([&](const CLI::App* c) { return c->get_name() == word; });
    if (below.empty()) return nullptr;
    found = below.front();
  }
  return found;
}

// App::help() would be that of the command being run, which is help.
std::string help_of(const CLI::App& app, const std::string& name) {
  return app.get_formatter()->make_help(&app, name, CLI::AppFormatMode::Normal);
}

int run_help(const Common& common, const CLI::App& app, const std::vector<std::string>& topics) {
  const std::string topic = CLI::detail::join(topics, " ");
  if (common.is_json) {
    complain("help is for people; it has no --json");
    return kExitUsage;
  }
  if (topic == "exit-codes") {
    say(kExitCodes);
  } else if (topic == "config") {
    say(kConfig);
  } else if (topic.empty()) {
    say(help_of(app, "kv") + "\nFurther: kv help COMMAND, kv help exit-codes, kv help config\n");
  } else if (const CLI::App* command = find_command(app, topics)) {
    say(help_of(*command, "kv " + topic) + "\nOptions of all commands: kv help\n");
  } else {
    complain("no command or topic \"" + topic + "\"; `kv help` lists them");
    return kExitUsage;
  }
  return kExitOk;
}

}  // namespace

void add_help(CLI::App& app, Common& common, Run& run) {
  CLI::App* version = app.add_subcommand("version", "print the version");
  version->callback([&common, &run] {
    run = [&common] {
      say(common.is_json ? nlohmann::json{{"version", KV_VERSION}}.dump() + "\n"
                         : "kv " KV_VERSION "\n");
      return kExitOk;
    };
  });
  auto topics = std::make_shared<std::vector<std::string>>();
  CLI::App* help = app.add_subcommand("help", "explain a command, exit-codes or config");
  help->add_option("topic", *topics, "a command, exit-codes or config");
  help->callback([=, &app, &common, &run] {
    run = [=, &app, &common] { return run_help(common, app, *topics); };
  });
}

}  // namespace kv::cli
