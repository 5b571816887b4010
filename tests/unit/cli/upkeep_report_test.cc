#include "cli/upkeep_report.h"

#include <doctest/doctest.h>

#include "server/upkeep_text.h"

using namespace kv;
using namespace kv::cli;

TEST_CASE("a server's report of a verification comes back whole, keys of any bytes included") {
  VerifyReport report{2, 1, 9, 512, {}, {"a torn tail"}};
  Finding finding;
  finding.what = "damaged records";
  finding.file = "db/000001.seg";
  finding.offset = 192;
  finding.size = 56;
  finding.first_version = 2;
  finding.last_version = 3;
  finding.keys = {"text", std::string("\0\xff", 2)};
  finding.has_unknown_keys = true;
  finding.loses_data = false;
  finding.details = "checksum";
  report.findings = {finding, Finding{}};
  const auto back = verify_report_of(server::verified_text(report, true));
  REQUIRE(back);
  CHECK(back->segments == 2);
  CHECK(back->hints == 1);
  CHECK(back->records == 9);
  CHECK(back->bytes == 512);
  CHECK(back->notes == report.notes);
  REQUIRE(back->findings.size() == 2);
  const Finding& got = back->findings[0];
  CHECK(got.what == finding.what);
  CHECK(got.file == finding.file);
  CHECK(got.offset == 192);
  CHECK(got.size == 56);
  CHECK(got.first_version == 2);
  CHECK(got.last_version == 3);
  CHECK(got.keys == finding.keys);
  CHECK(got.has_unknown_keys);
  CHECK(!got.loses_data);
  CHECK(got.details == "checksum");
  CHECK(back->findings[1].loses_data);
}

TEST_CASE("a server's summary of a backup comes back whole") {
  const auto back = backup_summary_of(server::backed_up_text({7, 6, 5, 4, 3, 2, 1}, true));
  REQUIRE(back);
  CHECK(back->version == 7);
  CHECK(back->files == 6);
  CHECK(back->bytes == 5);
  CHECK(back->reused == 4);
  CHECK(back->linked == 3);
  CHECK(back->copied == 2);
  CHECK(back->bytes_copied == 1);
}

TEST_CASE("what is no report says so and names the next step") {
  for (const char* text : {"", "segments: 2", "{}", R"({"segments":"2"})", "[]"}) {
    CAPTURE(text);
    const auto report = verify_report_of(text);
    REQUIRE(!report);
    CHECK(report.error().code == Errc::kProtocol);
    CHECK(report.error().context.find("kv stats server") != std::string::npos);
    CHECK(!backup_summary_of(text));
  }
}
