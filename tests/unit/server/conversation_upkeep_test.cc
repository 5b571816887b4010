#include <doctest/doctest.h>

#include "support/talk.h"

using kv::test::Talk;

namespace {

std::string info(const std::string& text) {
  return "INFO " + std::to_string(text.size()) + "\n" + text + "\n";
}

}  // namespace

TEST_CASE("VERIFY leaves the reactor and tells each finding, as text or JSON") {
  Talk talk;
  talk.backend.verified.segments = 2;
  talk.backend.verified.records = 9;
  CHECK(talk.ask("VERIFY\n") == info("segments: 2\nhints: 0\nrecords: 9\nbytes: 0\nfindings: 0"));
  kv::Finding finding;
  finding.what = "damaged records";
  finding.file = "db/000001.seg";
  finding.offset = 192;
  finding.size = 56;
  finding.first_version = finding.last_version = 2;
  finding.keys = {std::string("k\0 \\", 4)};
  talk.backend.verified.findings = {finding};
  CHECK(talk.ask("VERIFY rate=1000\n")
            .find("findings: 1\nfinding: damaged records file=db/000001.seg offset=192 size=56 "
                  "versions=2..2 keys=k\\x00\\x20\\\\ unknown_keys=none loses_data=yes") !=
        std::string::npos);
  CHECK(talk.ask("VERIFY fmt=json\n").find("\"findings\":[{\"what\":\"damaged records\"") !=
        std::string::npos);
  CHECK(talk.ask("VERIFY fmt=json\n").find(R"("keys":[{"key":"k\u0000 \\"}])") !=
        std::string::npos);
  CHECK(talk.slow_tasks_run == 4);
}

TEST_CASE("BACKUP takes a path from the root on") {
  Talk talk;
  CHECK(talk.ask("BACKUP 4 fmt=text\n/bak").find("version: 7\nfiles: 0\n") != std::string::npos);
  CHECK(talk.backend.backup_directory == "/bak");
  CHECK(talk.ask("BACKUP 3\nbak").starts_with("ERR BAD_ARG applied=no"));
  CHECK(talk.backend.backup_directory == "/bak");
  CHECK(talk.ask("BACKUP 0\nPING\n").starts_with("ERR EMPTY_KEY applied=no"));
}

TEST_CASE("too many long tasks are told to come later") {
  Talk talk;
  talk.slow_tasks_max = 0;
  CHECK(talk.ask("VERIFY\nPING\n").starts_with("ERR TRY_LATER applied=no"));
}
