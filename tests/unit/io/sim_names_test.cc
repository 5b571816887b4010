#include "io/sim_names.h"

#include <doctest/doctest.h>

namespace kv::io {

namespace {

std::string text_of(const SimNames& names) {
  std::string text;
  for (const auto& file : names.files()) {
    text += file.first + "=" + std::to_string(file.second) + " ";
  }
  return text;
}

std::set<std::string> outcomes(const SimNames& names) {
  std::set<std::string> seen;
  for (std::uint64_t variant = 0; variant < 500; ++variant) {
    SimNames copy = names;
    SimRandom random(1, variant);
    copy.crash(CrashMode::kRandom, random);
    seen.insert(text_of(copy));
  }
  return seen;
}

std::string after(SimNames names, CrashMode mode) {
  SimRandom random(1);
  names.crash(mode, random);
  return text_of(names);
}

SimNames with_folders() {
  SimNames names;
  names.create_dir("/d/sub");
  return names;
}

}  // namespace

TEST_CASE("names that were not synced survive each by itself") {
  SimNames names = with_folders();
  names.create("/d/a", 1);
  names.create("/d/b", 2);
  CHECK(after(names, CrashMode::kLoseUnsynced).empty());
  CHECK(after(names, CrashMode::kKeepAll) == "/d/a=1 /d/b=2 ");
  CHECK(after(names, CrashMode::kKeepCache) == "/d/a=1 /d/b=2 ");
  CHECK(outcomes(names) == std::set<std::string>{"", "/d/a=1 ", "/d/b=2 ", "/d/a=1 /d/b=2 "});
  names.sync_dir("/d");
  CHECK(outcomes(names) == std::set<std::string>{"/d/a=1 /d/b=2 "});
}

TEST_CASE("a removed name can come back until its folder is synced") {
  SimNames names = with_folders();
  names.create("/d/a", 1);
  names.sync_dir("/d");
  names.remove("/d/a");
  CHECK(names.find("/d/a") == kNoInode);
  CHECK(names.reachable().contains(1));
  CHECK(outcomes(names) == std::set<std::string>{"", "/d/a=1 "});
  names.sync_dir("/d/sub");
  CHECK(outcomes(names).size() == 2);
  names.sync_dir("/d");
  CHECK(outcomes(names) == std::set<std::string>{""});
  CHECK(!names.reachable().contains(1));
}

TEST_CASE("a rename happens as a whole, over the old file or not at all") {
  SimNames names = with_folders();
  names.create("/d/a", 1);
  names.sync_dir("/d");
  names.create("/d/a.tmp", 2);
  names.rename("/d/a.tmp", "/d/a");
  CHECK(outcomes(names) == std::set<std::string>{"/d/a=1 ", "/d/a=1 /d/a.tmp=2 ", "/d/a=2 "});
}

TEST_CASE("a rename between folders is durable with either of them") {
  for (const char* synced : {"/d", "/d/sub"}) {
    CAPTURE(synced);
    SimNames names = with_folders();
    names.create("/d/a", 1);
    names.create("/d/other", 2);
    names.rename("/d/a", "/d/sub/a");
    names.sync_dir(synced);
    CHECK(outcomes(names).count("") == 0);
    for (const std::string& text : outcomes(names)) {
      CHECK(text.find("/d/sub/a=1") != std::string::npos);
      CHECK(text.find("/d/a=1") == std::string::npos);
    }
  }
}

TEST_CASE("a folder is durable with its parents as soon as it is made") {
  SimNames names = with_folders();
  SimRandom random(1);
  names.crash(CrashMode::kLoseUnsynced, random);
  CHECK(names.is_dir("/d"));
  CHECK(names.list("/d") == std::vector<std::string>{"sub"});
}

}  // namespace kv::io
