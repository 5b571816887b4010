#include "cli/usage_problem.h"

#include <cstdlib>

#include <CLI/CLI.hpp>
#include <doctest/doctest.h>

using kv::cli::usage_problem;

namespace {

// What is said to these arguments by a program with a few commands; empty if they are right.
std::string said(const std::vector<std::string>& arguments) {
  CLI::App app("program", "kv");
  app.require_subcommand(1);
  app.fallthrough();
  std::string text;
  bool is_json = false;
  app.add_option("--addr", text);
  app.add_option("--retry", text)->envname("KV_TEST_RETRY")->check(CLI::Range(0, 100));
  app.add_flag("--json", is_json)->envname("KV_TEST_JSON");
  CLI::App* get = app.add_subcommand("get", "");
  get->add_option("key", text)->required();
  get->add_option("--sync", text)->envname("KV_TEST_SYNC")->check(CLI::IsMember({"none", "disk"}));
  app.add_subcommand("put", "");
  CLI::App* cluster = app.add_subcommand("cluster", "");
  cluster->require_subcommand(1);
  cluster->fallthrough();
  cluster->add_subcommand("status", "");
  cluster->add_subcommand("transfer", "")->add_option("NODE", text);
  try {
    app.parse(std::vector<std::string>(arguments.rbegin(), arguments.rend()));
  } catch (const CLI::ParseError& error) {
    return usage_problem(app, error, arguments);
  }
  return "";
}

}  // namespace

TEST_CASE("a command that is none gets a suggestion, wherever it stands") {
  CHECK(said({"gte", "a"}) == "no command \"gte\", did you mean get?; `kv help` lists them");
  CHECK(said({"--addr", "x", "gte", "a"}) ==
        "no command \"gte\", did you mean get?; `kv help` lists them");
  CHECK(said({"--json", "serve"}) == "no command \"serve\"; `kv help` lists them");
}

TEST_CASE("so does a command below another one") {
  CHECK(
      said({"cluster", "stauts"}) ==
      "no command \"cluster stauts\", did you mean cluster status?; `kv help cluster` lists them");
  CHECK(
      said({"cluster", "--addr", "x", "stauts", "--json"}) ==
      "no command \"cluster stauts\", did you mean cluster status?; `kv help cluster` lists them");
  CHECK(said({"cluster", "paint"}) == "no command \"cluster paint\"; `kv help cluster` lists them");
  CHECK(said({"cluster", "transfer", "1", "2"}).find("one argument too many") == 0);
  CHECK(said({"cluster", "status"}) == "");
}

TEST_CASE("flags without a command ask for one") {
  CHECK(said({"--json"}) == "which command?; see `kv help`");
  CHECK(said({"--colour"}) == "no option --colour; see `kv help`");
}

TEST_CASE("an option that is none is named without its value") {
  CHECK(said({"get", "a", "--colour", "red"}) == "no option --colour; see `kv help get`");
  CHECK(said({"get", "a", "--colour=red"}) == "no option --colour; see `kv help get`");
}

TEST_CASE("missing and surplus arguments are named") {
  CHECK(said({"get", "a", "--sync"}) == "--sync: its value is missing; see `kv help get`");
  CHECK(said({"get"}) == "key is required; see `kv help get`");
  CHECK(said({"get", "a", "b"}) == "one argument too many: \"b\"; see `kv help get`");
}

TEST_CASE("an = with nothing behind it is told before it swallows the next flag") {
  CHECK(kv::cli::empty_assignment({"start", "--data=", "--detach"}) ==
        "nothing stands behind --data=; --data '' is the empty text");
  CHECK(kv::cli::empty_assignment({"start", "--data=a=", "--", "--data="}).empty());
  CHECK(kv::cli::empty_assignment({"start", "--data", "", "x="}).empty());
}

TEST_CASE("a bad value is told with its flag, or the variable that it came from") {
  CHECK(said({"get", "a", "--sync", "x"}).find("--sync: x not in {none,disk}; see") == 0);
  ::setenv("KV_TEST_SYNC", "often", 1);
  CHECK(said({"get", "a"}).find("--sync: often not in {none,disk} (from KV_TEST_SYNC); see") == 0);
  CHECK(said({"get", "a", "--sync", "x"}).find("--sync: x not in {none,disk}; see") == 0);
  ::unsetenv("KV_TEST_SYNC");
  ::setenv("KV_TEST_RETRY", "often", 1);
  CHECK(said({"get", "a"}).find(" (from KV_TEST_RETRY); see `kv help get`") != std::string::npos);
  ::unsetenv("KV_TEST_RETRY");
  ::setenv("KV_TEST_JSON", "perhaps", 1);
  CHECK(said({"get", "a"}) ==
        "--json: perhaps is no such value (from KV_TEST_JSON); see `kv help get`");
  ::unsetenv("KV_TEST_JSON");
}
