#include "cli/banner.h"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include "kv/version.h"

using namespace kv::cli;

namespace {

Banner sample() {
  Banner banner{"./kv-data", "127.0.0.1:7400", "", true, "disk", 1000, false, false, 42, {}};
  banner.recovery.keys = 12345;
  banner.recovery.segments = 3;
  banner.recovery.segments_by_hint = 2;
  banner.recovery.duration_ms = 61.4;
  return banner;
}

}  // namespace

TEST_CASE("a server that is ready says so last, below its address and how to stop it") {
  CHECK(text_of(sample()) ==
        "kv " KV_VERSION
        "  data ./kv-data  recovered 12 345 keys from 3 segments (2 by hint) in 61 ms\n"
        "  native     127.0.0.1:7400     (redis-cli -p 7400 works, too)\n"
        "  durability sync=disk (group commit)     stop: Ctrl-C\n"
        "ready\n");
}

TEST_CASE("a member has a log beside what was recovered") {
  Banner banner = sample();
  banner.log = {1508, 1503};
  CHECK(text_of(banner).find(" (2 by hint) in 61 ms, and a log of 1 508 records, 1 503 known to be "
                             "committed\n") != std::string::npos);
  const auto json = nlohmann::json::parse(json_of(banner));
  CHECK(json["log"]["records"] == 1508);
  CHECK(json["log"]["committed"] == 1503);
  banner.log = {0, 0};
  CHECK(text_of(banner).find("log") == std::string::npos);
}

TEST_CASE("what recovery cut and what it could not read is told") {
  Banner banner = sample();
  banner.recovery.bytes_cut = 17;
  banner.recovery.bytes_quarantined = 99;
  banner.recovery.segments_damaged = 1;
  const std::string text = text_of(banner);
  CHECK(text.find("\n  cut 17 bytes of a torn tail\n") != std::string::npos);
  CHECK(text.find("\n  DAMAGE: 99 bytes of 1 segment are missing or unreadable; ") !=
        std::string::npos);
  CHECK(text.find("`kv verify --online --addr 127.0.0.1:7400` tells which\n") != std::string::npos);
}

TEST_CASE("one of a thing is one") {
  Banner banner = sample();
  banner.recovery.keys = banner.recovery.segments = banner.recovery.bytes_cut = 1;
  const std::string text = text_of(banner);
  CHECK(text.find("recovered 1 key from 1 segment (") != std::string::npos);
  CHECK(text.find("cut 1 byte of a") != std::string::npos);
}

TEST_CASE("what a write survives and how to stop the server follow the flags") {
  Banner banner = sample();
  banner.is_new = true;
  banner.is_detached = true;
  banner.sync = "interval";
  banner.sync_interval_ms = 250;
  const std::string text = text_of(banner);
  CHECK(text.find("data ./kv-data (new)  ") != std::string::npos);
  CHECK(text.find("sync=interval (every 250 ms)     stop: kv stop --data ./kv-data\n") !=
        std::string::npos);
  banner.sync = "none";
  CHECK(text_of(banner).find("sync=none (left to the system)") != std::string::npos);
}

TEST_CASE("for programs the same is one JSON object in one line") {
  const std::string text = json_of(sample());
  CHECK(text.find('\n') == text.size() - 1);
  const auto json = nlohmann::json::parse(text);
  CHECK(json["ready"] == true);
  CHECK(json["address"] == "127.0.0.1:7400");
  CHECK(json["pid"] == 42);
  CHECK(json["recovery"]["keys"] == 12345);
}
