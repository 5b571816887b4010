#include "cli/server_log.h"

#include <filesystem>
#include <fstream>
#include <sstream>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include "support/scratch_dir.h"

using kv::Event;
using kv::cli::ServerLog;

namespace {

std::string content(const std::string& file) {
  std::ostringstream out;
  out << std::ifstream(file).rdbuf();
  return out.str();
}

constexpr std::size_t kTimeSize = std::string_view("time=2026-11-21T10:02:00.123Z ").size();

}  // namespace

TEST_CASE("an event is a line of name=value pairs behind the time in UTC") {
  const kv::test::ScratchDir dir;
  const std::string file = dir.path() + "/log";
  ServerLog log({file, false, "info"});
  log.on_event({Event::Level::kWarning, "tail cut", "file=1.seg offset=17"});
  const std::string line = content(file);
  CHECK(line.substr(0, 5) == "time=");
  CHECK(line.substr(kTimeSize - 2, 2) == "Z ");
  CHECK(line.substr(kTimeSize) == "level=warning event=\"tail cut\" file=1.seg offset=17\n");
}

TEST_CASE("in JSON each line is an object, whatever bytes an event holds") {
  const kv::test::ScratchDir dir;
  const std::string file = dir.path() + "/log";
  ServerLog log({file, true, "info"});
  log.on_event({Event::Level::kError, "damage", "file=\"a\n\xff\""});
  const std::string line = content(file);
  CHECK(line.find('\n') == line.size() - 1);
  const auto json = nlohmann::json::parse(line);
  CHECK(json["level"] == "error");
  CHECK(json["event"] == "damage");
  CHECK(json["details"] == "file=\"a\n\xef\xbf\xbd\"");
}

TEST_CASE("what is below the level is left out, and no file is made for it") {
  const kv::test::ScratchDir dir;
  const std::string file = dir.path() + "/log";
  ServerLog log({file, false, "warning"});
  log.on_event({Event::Level::kInfo, "server started", ""});
  CHECK(!std::filesystem::exists(file));
  log.on_event({Event::Level::kError, "damage", ""});
  CHECK(content(file).find("level=error event=\"damage\"\n") != std::string::npos);
}

TEST_CASE("after a rotation the log goes on in a file of its name") {
  const kv::test::ScratchDir dir;
  const std::string file = dir.path() + "/log";
  ServerLog log({file, false, "info"});
  log.on_event({Event::Level::kInfo, "one", ""});
  std::filesystem::rename(file, file + ".1");
  log.reopen();
  log.on_event({Event::Level::kInfo, "two", ""});
  CHECK(content(file + ".1").find("event=\"one\"\n") != std::string::npos);
  CHECK(content(file).find("event=\"two\"\n") != std::string::npos);
  CHECK(content(file).find("event=\"one\"\n") == std::string::npos);
}

TEST_CASE("a log file that could not be written is refused before anything starts") {
  const kv::test::ScratchDir dir;
  CHECK(ServerLog::check_file(dir.path() + "/log"));
  CHECK(!std::filesystem::exists(dir.path() + "/log"));
  const auto missing = ServerLog::check_file(dir.path() + "/none/log");
  REQUIRE(!missing);
  CHECK(describe(missing.error()) ==
        "cannot write the log file " + dir.path() + "/none/log: No such file or directory");
}
