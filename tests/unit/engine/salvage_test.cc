#include "engine/salvage.h"

#include <filesystem>
#include <string>

#include <doctest/doctest.h>

#include "kv/store.h"
#include "tests/unit/engine/support/stopped_database.h"

namespace stdfs = std::filesystem;

namespace {

struct DamagedDatabase : kv::test::StoppedDatabase {
  std::string target = scratch.path() + "/new";

  kv::SalvageReport salvage() const {
    auto report = kv::salvage(path, target);
    REQUIRE_MESSAGE(report.has_value(), (report ? "" : describe(report.error())));
    return std::move(*report);
  }
  kv::Store open(const std::string& where) const {
    auto store = kv::Store::open(where);
    REQUIRE_MESSAGE(store.has_value(), (store ? "" : describe(store.error())));
    return std::move(*store);
  }
  std::map<std::string, std::pair<std::string, kv::Version>> state(const std::string& where) const {
    std::map<std::string, std::pair<std::string, kv::Version>> all;
    const kv::Store store = open(where);
    kv::Cursor cursor = store.range({});
    for (;;) {
      auto step = cursor.next();
      REQUIRE(step.has_value());
      if (*step != kv::Cursor::Step::kItem) return all;
      all[cursor.item().key] = {cursor.item().value, cursor.item().version};
    }
  }
  void damage(const std::string& text, std::ptrdiff_t behind) const {
    for (auto& [name, content] : contents()) {
      const std::size_t at = content.find(text);
      if (!name.ends_with(".seg") || at == std::string::npos) continue;
      std::string damaged = content;
      char& byte = damaged[at + static_cast<std::size_t>(behind)];
      byte = static_cast<char>(byte ^ 1);
      write(name, damaged);
      return;
    }
    FAIL("no such text");
  }
};

}  // namespace

TEST_CASE_FIXTURE(DamagedDatabase, "salvage of an intact database is the same database") {
  const auto before = contents();
  const auto report = salvage();
  CHECK(contents() == before);
  CHECK(report.findings.empty());
  CHECK(report.keys_lost.empty());
  CHECK(report.deletes == 1);
  CHECK(kv::verify(target)->findings.empty());
  const auto expected = state(path);
  CHECK(state(target) == expected);
  CHECK(report.keys == expected.size());
  CHECK_FALSE(expected.contains("key0-1"));
  // New writes go behind everything that was kept.
  const auto version = open(target).put("new", "v");
  REQUIRE(version.has_value());
  for (const auto& [key, value] : expected) CHECK(value.second < *version);
}

TEST_CASE_FIXTURE(DamagedDatabase, "salvage loses what is damaged, says so, and nothing else") {
  auto expected = state(path);
  damage("key0-7", 10);
  const auto report = salvage();
  CHECK(report.keys_lost == std::vector<std::string>{"key0-7"});
  CHECK_FALSE(report.has_unknown_losses);
  REQUIRE(report.findings.size() == 1);
  expected.erase("key0-7");
  CHECK(state(target) == expected);
}

TEST_CASE_FIXTURE(DamagedDatabase, "a key with nothing left in its segment is named by the hint") {
  damage("key0-7", -40);  // in the header
  damage("key0-7", 0);
  const auto report = salvage();
  CHECK(report.keys_lost == std::vector<std::string>{"key0-7"});
  CHECK_FALSE(report.has_unknown_losses);
}

TEST_CASE_FIXTURE(DamagedDatabase, "an older value is kept for a key whose newest is damaged") {
  {
    kv::Store store = open(path);
    REQUIRE(store.put("key1-3", "newest").has_value());
  }
  damage("key1-3newest", 8);
  const auto report = salvage();
  CHECK(report.keys_older == std::vector<std::string>{"key1-3"});
  CHECK(state(target).at("key1-3").first == std::string(20, 'v'));
}

TEST_CASE_FIXTURE(DamagedDatabase, "salvage needs neither CURRENT nor MANIFEST nor IDENTITY") {
  const auto expected = state(path);
  for (const auto& [name, content] : contents()) {
    if (!name.ends_with(".seg")) stdfs::remove(path + "/" + name);
  }
  const auto report = salvage();
  CHECK(report.findings.size() == 2);
  CHECK(report.keys_lost.empty());
  CHECK(state(target) == expected);
}

TEST_CASE_FIXTURE(DamagedDatabase, "a segment header is rebuilt, or its loss is told") {
  const auto expected = state(path);
  const std::string name = first(".seg");
  std::string content = contents().at(name);
  content[20] = static_cast<char>(content[20] ^ 1);
  write(name, content);
  SUBCASE("from the MANIFEST") {
    CHECK(salvage().keys == expected.size());
    CHECK(state(target) == expected);
  }
  SUBCASE("not at all") {
    stdfs::remove(path + "/MANIFEST-000001");
    const auto report = salvage();
    CHECK(report.has_unknown_losses);
    CHECK(report.keys < expected.size());
  }
}

TEST_CASE_FIXTURE(DamagedDatabase, "salvage refuses a target with something in it") {
  stdfs::create_directory(target);
  std::ofstream(target + "/note") << "mine";
  const auto report = kv::salvage(path, target);
  REQUIRE_FALSE(report.has_value());
  CHECK(report.error().code == kv::Errc::kNotADatabase);
  CHECK(stdfs::exists(target + "/note"));
}

TEST_CASE_FIXTURE(DamagedDatabase, "salvage refuses a database that is open") {
  const kv::Store store = open(path);
  const auto report = kv::salvage(path, target);
  REQUIRE_FALSE(report.has_value());
  CHECK(report.error().code == kv::Errc::kLocked);
}

// What it remembered may be older than its newest requests, which would be carried out again.
TEST_CASE_FIXTURE(DamagedDatabase, "no session outlives a salvage") {
  struct : kv::WriteListener {
    bool is_done = false;
    void on_written(const kv::WriteTag&, kv::Result<kv::WriteResult> result) override {
      is_done = result.has_value();
    }
  } opened;
  {
    kv::Store store = open(path);
    kv::Write write;
    write.kind = kv::Write::Kind::kOpenSession;
    write.session = {.session = 7, .number = 0, .done_below = 0, .now_ms = 1};
    store.submit(write, opened, {});
    store.flush(kv::ReadMode::kMayBlock);
    REQUIRE(store.sync().has_value());
    REQUIRE(opened.is_done);
    CHECK(store.stats().sessions == 1);
    REQUIRE(store.close().has_value());
  }
  const auto report = salvage();
  CHECK(open(target).stats().sessions == 0);
  CHECK(report.keys == state(target).size());
  CHECK(report.keys == open(target).stats().keys);
}
