#include "engine/verify.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <string>

#include <doctest/doctest.h>

#include "kv/store.h"
#include "tests/unit/engine/support/stopped_database.h"

using kv::test::StoppedDatabase;
namespace stdfs = std::filesystem;

TEST_CASE_FIXTURE(StoppedDatabase, "an intact database has no findings and is left as it was") {
  const auto before = contents();
  const auto report = verify();
  CHECK(report.findings.empty());
  CHECK(report.segments >= 3);
  CHECK(report.hints >= 3);
  CHECK(report.records == 3 * 20 + 1 + 3 * 2);
  CHECK(contents() == before);
}

TEST_CASE_FIXTURE(StoppedDatabase, "every flipped byte that can matter is found, and named") {
  for (const auto& [name, content] : contents()) {
    if (name == "LOCK") continue;
    for (std::size_t at = 0; at < content.size(); at += 3) {
      CAPTURE(name);
      CAPTURE(at);
      std::string damaged = content;
      damaged[at] = static_cast<char>(damaged[at] ^ 0x10);
      write(name, damaged);
      const auto report = verify();
      // Padding is covered by no checksum, and holds nothing. The last edit of a MANIFEST reads as
      // torn by a crash, which is said and changes nothing here.
      const bool is_padding = report.findings.empty() && content[at] == '\0';
      const bool is_torn = name.starts_with("MANIFEST") && !report.notes.empty();
      if (!is_padding && !is_torn) {
        REQUIRE_FALSE(report.findings.empty());
        CHECK(std::ranges::any_of(report.findings, [&](const kv::Finding& finding) {
          return finding.file == path + "/" + name;
        }));
      }
    }
    write(name, content);
  }
  CHECK(verify().findings.empty());
}

TEST_CASE_FIXTURE(StoppedDatabase, "a finding tells the keys of damaged records") {
  const std::string name = first(".seg");
  std::string content = contents().at(name);
  const std::size_t at = content.find("key0-7");
  REQUIRE(at != std::string::npos);
  content[at + 10] = '!';  // in the value
  write(name, content);
  const auto report = verify();
  REQUIRE(report.findings.size() == 1);
  const kv::Finding& finding = report.findings[0];
  CHECK(finding.what == "damaged records");
  CHECK(finding.keys == std::vector<std::string>{"key0-7"});
  CHECK_FALSE(finding.has_unknown_keys);
  CHECK(finding.offset == at - 48);
  CHECK(finding.first_version == finding.last_version);
  CHECK(finding.loses_data);
}

TEST_CASE_FIXTURE(StoppedDatabase, "a record with nothing left of it is named by the hint") {
  const std::string name = first(".seg");
  std::string content = contents().at(name);
  const std::size_t at = content.find("key0-7");
  REQUIRE(at != std::string::npos);
  content.replace(at - 48, 56, 56, '\0');  // header and key
  write(name, content);
  auto report = verify();
  REQUIRE(report.findings.size() == 1);
  CHECK(report.findings[0].keys == std::vector<std::string>{"key0-7"});
  CHECK_FALSE(report.findings[0].has_unknown_keys);

  // Only by an intact one, though.
  const std::string hint = first(".hint");
  std::string entries = contents().at(hint);
  entries[entries.find("key0-7")] = 'x';
  write(hint, entries);
  report = verify();
  REQUIRE(report.findings.size() == 2);
  CHECK(report.findings[0].keys.empty());
  CHECK(report.findings[0].has_unknown_keys);
}

TEST_CASE_FIXTURE(StoppedDatabase, "a start counts what is missing, with hints and without") {
  const auto before = contents();
  const auto lost = [&] {
    auto store = kv::Store::open(path);
    REQUIRE(store.has_value());
    const kv::RecoveryStats stats = store->stats().recovery;
    return std::pair(stats.segments_damaged, stats.bytes_quarantined);
  };
  CHECK(lost() == std::pair<std::uint64_t, std::uint64_t>(0, 0));
  const std::string name = "000001.seg";
  const std::uint64_t size = before.at(name).size();
  SUBCASE("a segment") {
    stdfs::remove(path + "/" + name);
    CHECK(lost() == std::pair<std::uint64_t, std::uint64_t>(1, size));
  }
  SUBCASE("its end") {
    stdfs::resize_file(path + "/" + name, size - 100);
    CHECK(lost() == std::pair<std::uint64_t, std::uint64_t>(1, 100));
  }
  SUBCASE("a segment and its hint") {
    stdfs::remove(path + "/" + name);
    stdfs::remove(path + "/000001.hint");
    CHECK(lost().first == 1);
    CHECK(lost().second > 0);
  }
}

TEST_CASE_FIXTURE(StoppedDatabase, "missing and shortened segments are found") {
  const std::string name = first(".seg");
  SUBCASE("missing") {
    stdfs::remove(path + "/" + name);
    const auto report = verify();
    REQUIRE(report.findings.size() == 1);
    CHECK(report.findings[0].what == "file missing");
    CHECK(report.findings[0].has_unknown_keys);
  }
  SUBCASE("cut at a record's end") {
    const std::string content = contents().at(name);
    const std::size_t at = content.find("key0-7") - 48;
    write(name, content.substr(0, at));
    const auto report = verify();
    REQUIRE_FALSE(report.findings.empty());
    CHECK(report.findings.back().what == "file too short");
    CHECK(report.findings.back().offset == at);
  }
}

TEST_CASE_FIXTURE(StoppedDatabase, "a damaged hint loses no data, a missing one is no damage") {
  const std::string name = first(".hint");
  SUBCASE("of another segment") {
    auto all = contents();
    std::string other;
    for (const auto& [file, content] : all) {
      if (file.ends_with(".hint") && file != name) other = content;
    }
    write(name, other);
    const auto report = verify();
    REQUIRE(report.findings.size() == 1);
    CHECK(report.findings[0].what == "hint damaged");
    CHECK_FALSE(report.findings[0].loses_data);
  }
  SUBCASE("missing") {
    stdfs::remove(path + "/" + name);
    CHECK(verify().findings.empty());
  }
}

TEST_CASE_FIXTURE(StoppedDatabase, "without CURRENT or MANIFEST the segments are still checked") {
  for (const std::string gone : {"CURRENT", "MANIFEST-000001"}) {
    CAPTURE(gone);
    const auto before = contents();
    stdfs::remove(path + "/" + gone);
    const auto report = verify();
    REQUIRE(report.findings.size() == 1);
    CHECK(report.findings[0].file == path + "/" + gone);
    CHECK(report.records == 3 * 20 + 1 + 3 * 2);
    write(gone, before.at(gone));
  }
}

TEST_CASE_FIXTURE(StoppedDatabase, "a torn tail is no finding") {
  kv::Options options;
  {
    auto store = kv::Store::open(path, options);
    REQUIRE(store.has_value());
    REQUIRE(store->put("late", "v").has_value());
    // As a kill leaves it: with all files as of one moment, though the next segment is being made.
    std::map<std::string, std::string> before;
    do {
      before = contents();
      stdfs::remove_all(path + "-killed");
      stdfs::copy(path, path + "-killed", stdfs::copy_options::recursive);
    } while (contents() != before);
  }
  path += "-killed";
  std::string active;
  for (const auto& [name, content] : contents()) {
    if (name.ends_with(".seg") && content.find("late") != std::string::npos) active = name;
  }
  REQUIRE_FALSE(active.empty());
  const std::string content = contents().at(active);
  const auto last = content.find_last_not_of('\0');  // of the value; zeros were written ahead
  write(active, content.substr(0, last) + std::string(content.size() - last, '\0'));
  const auto report = verify();
  CHECK(report.findings.empty());
  CHECK(std::ranges::any_of(report.notes, [](const std::string& note) {
    return note.find("torn tail") != std::string::npos;
  }));
}

TEST_CASE_FIXTURE(StoppedDatabase, "what is open in a store is not verified from outside") {
  kv::Options options;
  auto store = kv::Store::open(path, options);
  REQUIRE(store.has_value());
  const auto report = kv::verify(path);
  REQUIRE_FALSE(report.has_value());
  CHECK(report.error().code == kv::Errc::kLocked);
}

TEST_CASE_FIXTURE(StoppedDatabase, "a verification stops when it is told to") {
  kv::VerifyOptions options;
  options.progress = [](std::uint64_t, std::uint64_t) { return false; };
  const auto report = kv::verify(path, options);
  REQUIRE_FALSE(report.has_value());
  CHECK(report.error().code == kv::Errc::kClosed);
}

TEST_CASE_FIXTURE(StoppedDatabase, "a damaged checkpoint is told, and loses no data") {
  write("CHECKPOINT", "not one");
  const auto report = verify();
  REQUIRE(report.findings.size() == 1);
  CHECK(report.findings[0].what == "checkpoint damaged");
  CHECK_FALSE(report.findings[0].loses_data);
}
