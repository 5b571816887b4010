#include "cli/config_file.h"

#include <cstdlib>
#include <fstream>

#include <CLI/CLI.hpp>
#include <doctest/doctest.h>

#include "support/scratch_dir.h"

using kv::cli::apply_config_file;

namespace {

// A command with an option of each kind, parsed as main would.
struct Command {
  Command() {
    app.add_option("--data", data)->envname("KV_TEST_DATA");
    app.add_option("--threads", threads)->check(CLI::Range(1, 256));
    app.add_option("--sync", sync)->check(CLI::IsMember({"none", "disk"}));
    app.add_flag("--insecure", is_insecure);
    app.add_option("--config", config);
  }
  // Returns what is wrong, if something is.
  std::string run(const std::string& text, const std::vector<std::string>& flags = {}) {
    const std::string file = dir.path() + "/kv.conf";
    std::ofstream(file) << text;
    try {
      app.parse(std::vector<std::string>(flags.rbegin(), flags.rend()));
      apply_config_file(app, file);
      return "";
    } catch (const CLI::ParseError& error) {
      std::string problem = error.what();
      const std::size_t at = problem.find(file);
      return at == std::string::npos ? problem : problem.replace(at, file.size(), "FILE");
    }
  }

  kv::test::ScratchDir dir;
  CLI::App app;
  std::string data = "default";
  int threads = 1;
  std::string sync = "disk";
  bool is_insecure = false;
  std::string config;
};

// Set for as long as it lives.
struct Environment {
  Environment(const char* name, const char* value) : name_(name) { ::setenv(name, value, 1); }
  ~Environment() { ::unsetenv(name_); }
  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;
  const char* const name_;
};

}  // namespace

TEST_CASE("a config file sets what neither a flag nor the environment did") {
  Command command;
  REQUIRE(command.run(
              "# a comment\ndata = \"from file\"\nthreads = 4\nsync=none\ninsecure=true\n") == "");
  CHECK(command.data == "from file");
  CHECK(command.threads == 4);
  CHECK(command.sync == "none");
  CHECK(command.is_insecure);
}

TEST_CASE("a flag goes over the environment, the environment over the file") {
  SUBCASE("flag") {
    const Environment environment("KV_TEST_DATA", "from environment");
    Command command;
    REQUIRE(command.run("data = \"from file\"\n", {"--data", "from flag"}) == "");
    CHECK(command.data == "from flag");
  }
  SUBCASE("environment") {
    const Environment environment("KV_TEST_DATA", "from environment");
    Command command;
    REQUIRE(command.run("data = \"from file\"\n") == "");
    CHECK(command.data == "from environment");
  }
  SUBCASE("default") {
    Command command;
    REQUIRE(command.run("") == "");
    CHECK(command.data == "default");
  }
}

TEST_CASE("what no flag is named like is an error that names file and entry") {
  CHECK(Command().run("colour = red\n") == "FILE: unknown entry \"colour\"");
  CHECK(Command().run("[server]\ndata = x\n").find("unknown entry") != std::string::npos);
  CHECK(Command().run("config = other\n") == "FILE: unknown entry \"config\"");
  CHECK(Command().run("help = true\n") == "FILE: unknown entry \"help\"");
}

TEST_CASE("a value that the flag would refuse is refused with the entry's name") {
  const std::string range = Command().run("threads = 1000\n");
  CHECK(range.find("FILE: entry \"threads\": ") == 0);
  const std::string member = Command().run("sync = sometimes\n");
  CHECK(member.find("FILE: entry \"sync\": ") == 0);
  const std::string number = Command().run("threads = many\n");
  CHECK(number.find("FILE: entry \"threads\": ") == 0);
}

TEST_CASE("a file that cannot be read is named") {
  Command command;
  command.app.parse(std::vector<std::string>{});
  CHECK_THROWS_WITH_AS(apply_config_file(command.app, "/no/such/file"),
                       "cannot read config file /no/such/file", CLI::ConfigError);
}
