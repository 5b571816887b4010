#include "cli/space_text.h"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

using kv::cli::space_text;

TEST_CASE("the space of a store is a line and a table of its segments") {
  const auto section = nlohmann::ordered_json::parse(R"({
    "space_total_bytes": 3000, "space_live_bytes": 1500, "space_dead_bytes": 1200,
    "space_segment_2": {"kind": "merged", "bytes": 2000, "live_bytes": 1000, "dead_bytes": 1000,
                        "dead_share": 0.5, "kept": "a merge takes it when its turn comes"},
    "space_segment_10": {"kind": "log", "bytes": 1000, "live_bytes": 500, "dead_bytes": 200,
                         "dead_share": 0.2, "kept": "it takes new records"}})");
  CHECK(space_text(section) ==
        "total 3.0 kB   live 1.5 kB   dead 1.2 kB\n"
        "segment  kind     bytes    live    dead  share  kept\n"
        "      2  merged  2.0 kB  1.0 kB  1.0 kB   50 %  a merge takes it when its turn comes\n"
        "     10  log     1.0 kB   500 B   200 B   20 %  it takes new records\n");
}

TEST_CASE("what is no such section gives no text") {
  CHECK(space_text(nlohmann::ordered_json::parse("[1]")).empty());
  CHECK(space_text(nlohmann::ordered_json::parse("{}")).empty());
}
