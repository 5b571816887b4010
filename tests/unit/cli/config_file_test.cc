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
  CHECK(Command().run("config = other\n") == "FILE: unknown entry \"config\"");
  CHECK(Command().run("help = true\n") == "FILE: unknown entry \"help\"");
  CHECK(Command().run("x\n") == "FILE: unknown entry \"x\"");
  CHECK(Command().run("= x\n") == "FILE: unknown entry \"\"");
}

TEST_CASE("sections are unknown") {
  const std::string rest = ": a line is `name = value`, and there are no sections";
  CHECK(Command().run("[server]  # ours\ndata = x\n") == "FILE: unknown section [server]" + rest);
  CHECK(Command().run("[x]\n") == "FILE: unknown section [x]" + rest);
  CHECK(Command().run("[]\n") == "FILE: unknown section []" + rest);
}

TEST_CASE("only a flag stands without a value") {
  Command command;
  REQUIRE(command.run("insecure  # on this machine\n") == "");
  CHECK(command.is_insecure);
  CHECK(Command().run("data\n") == "FILE: entry \"data\" has no value: data = VALUE");
  CHECK(Command().run("threads # = 4\n") ==
        "FILE: entry \"threads\" has no value: threads = VALUE");
}

TEST_CASE("a value is taken as it stands, in quotes with all its bytes") {
  const auto data_of = [](const std::string& line) {
    Command command;
    REQUIRE(command.run(line) == "");
    return command.data;
  };
  CHECK(data_of("data = two words # and a comment\r\n") == "two words");
  CHECK(data_of("\tdata=a,b=c") == "a,b=c");
  CHECK(data_of("data = \"a # b\" # c\n") == "a # b");
  CHECK(data_of("data = ' x '\n") == " x ");
  CHECK(data_of("data = \"[x, y]\"\n") == "[x, y]");
  CHECK(data_of("; data = x\n") == "default");
  const std::string quotes = "FILE: entry \"data\": the value is not one text in quotes";
  CHECK(Command().run("data = \"a\n") == quotes);
  CHECK(Command().run("data = \"a\" b\n") == quotes);
}

TEST_CASE("an entry stands there once") {
  CHECK(Command().run("threads = 4\nsync = none\nthreads = 5\n") ==
        "FILE: entry \"threads\" stands there twice");
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
