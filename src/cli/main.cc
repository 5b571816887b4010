#include <algorithm>

#include <CLI/CLI.hpp>

#include "cli/address_option.h"
#include "cli/commands.h"
#include "cli/quantity.h"
#include "cli/usage_problem.h"
#include "kv/version.h"

namespace kv::cli {

namespace {

std::string problem_with_duration(const std::string& text) {
  return parse_duration(text) ? "" : text + " is no duration such as 5s or 250ms";
}

// The flags of all commands.
void add_common(CLI::App& app, Common& common) {
  app.add_option("--addr", common.address,
                 "HOST:PORT of the server; of a cluster several, as a:7400,b:7400")
      ->envname("KV_ADDR")
      ->check(problem_with_addresses)
      ->capture_default_str();
  app.add_option("--timeout", common.timeout_text, "longest wait for the server, as 5s or 250ms")
      ->envname("KV_TIMEOUT")
      ->check(problem_with_duration)
      ->capture_default_str();
  app.add_option("--retry", common.retries, "how often to ask again when the server says try later")
      ->envname("KV_RETRY")
      ->check(CLI::Range(0, 100))
      ->capture_default_str();
  app.add_option("--retry-for", common.retry_for_text,
                 "how long to look for the server of a cluster that leads, as 10s; 0: not at all")
      ->envname("KV_RETRY_FOR")
      ->check([](const std::string& text) {
        return text == "0" ? std::string() : problem_with_duration(text);
      })
      ->capture_default_str();
  app.add_flag("--json", common.is_json, "print JSON only");
  app.add_flag("--quiet", common.is_quiet, "say only what is asked for");
  app.add_flag("--no-color", common.has_no_color, "no colour (kv uses none yet)");
}

int run(int count, char** arguments) {
  CLI::App app("kv: a log-structured key-value server", "kv");
  app.require_subcommand(1);
  app.fallthrough();
  app.set_version_flag("--version", "kv " KV_VERSION);
  Common common;
  // Before the flags are understood, so that a complaint about them is JSON, too.
  if (std::find(arguments, arguments + count, std::string_view("--json")) != arguments + count) {
    complain_in_json();
  }
  add_common(app, common);
  Run action;
  add_start(app, common, action);
  add_control(app, common, action);
  add_attach(app, common, action);
  add_data(app, common, action);
  add_scan(app, common, action);
  add_import(app, common, action);
  add_export(app, common, action);
  add_merge(app, common, action);
  add_cluster(app, common, action);
  add_inspect(app, common, action);
  add_stats(app, common, action);
  add_verify(app, common, action);
  add_salvage(app, common, action);
  add_backup(app, common, action);
  add_conformance(app, common, action);
  add_bench(app, common, action);
  add_torture(app, common, action);
  add_help(app, common, action);
  if (count == 1) {
    complain("what to do? `kv start` starts a server, `kv help` lists the commands");
    return kExitUsage;
  }
  const std::vector<std::string> words(arguments + 1, arguments + count);
  if (const std::string problem = empty_assignment(words); !problem.empty()) {
    complain(problem);
    return kExitUsage;
  }
  common.has_address_flag = std::any_of(words.begin(), words.end(), [](const std::string& word) {
    return word == "--addr" || word.starts_with("--addr=");
  });
  try {
    app.parse(count, arguments);
  } catch (const CLI::Success& success) {
    return app.exit(success);
  } catch (const CLI::ParseError& error) {
    complain(usage_problem(app, error, words));
    return kExitUsage;
  }
  return finish_stdout(action());
}

}  // namespace

}  // namespace kv::cli

int main(int count, char** arguments) { return kv::cli::run(count, arguments); }
