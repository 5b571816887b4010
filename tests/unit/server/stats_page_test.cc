#include "server/stats_page.h"

#include <set>
#include <sstream>
#include <thread>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include "support/fake_backend.h"

using kv::server::Counters;

namespace {

struct Page {
  kv::server::ServerOptions options;
  kv::test::FakeBackend backend;
  Counters first;
  Counters second;
  kv::server::MemoryBudget requests{1000};
  kv::server::MemoryBudget output{1000};
  kv::server::MergeDesk merges{backend};
  kv::server::StatsPage page{options,           backend,  merges, 1,
                             {&first, &second}, requests, output, nullptr};

  std::string text(std::string_view section = "") const { return *page.stats(section, false); }
};

}  // namespace

TEST_CASE("STATS adds up what all reactors counted and what the store says") {
  Page page;
  page.backend.fixed_stats.keys = 42;
  page.backend.fixed_stats.index_bytes_per_key = 31.5;
  page.backend.fixed_stats.recovery.bytes_cut = 17;
  page.backend.fixed_stats.cache = {.hits = 3, .misses = 1, .bytes = 5000, .bytes_max = 9000};
  page.first.of(kv::protocol::Verb::kGet).requests.add(3);
  page.second.of(kv::protocol::Verb::kGet).requests.add(4);
  page.first.connections_opened.add(5);
  page.second.connections_closed.add(2);
  page.second.try_later_memory.add(9);
  page.first.of(kv::protocol::Verb::kGet).latency.add(std::chrono::microseconds(100));
  const std::string text = page.text();
  for (const char* line :
       {"# store\nkeys: 42\n", "\nindex_bytes_per_key: 31.5\n", "\nrecovery_bytes_cut: 17\n",
        "\nrequests_get: 7\n", "\nconnections: 3\n", "\ntry_later_memory: 9\n", "\nsync: disk\n",
        "\nsegments: 0\n", "\nrss_bytes: ", "\ndisk_bytes: 0\n", "\nuptime_seconds: 0\n",
        "\nget_p99_us: 1", "\ncache_hit_ratio: 0.75\n", "\ncache_bytes: 5000\n",
        "\nthreads: 1\n"}) {
    CAPTURE(line);
    CHECK(text.find(line) != std::string::npos);
  }
}

TEST_CASE("names are unique over all sections, and JSON has the same ones") {
  Page page;
  std::istringstream lines(page.text());
  std::set<std::string> names;
  std::size_t count = 0;
  for (std::string line; std::getline(lines, line);) {
    if (line.empty() || line[0] == '#') continue;
    names.insert(line.substr(0, line.find(": ")));
    count += 1;
  }
  CHECK(count > 50);
  CHECK(names.size() == count);
  std::size_t json_count = 0;
  const auto json = nlohmann::json::parse(*page.page.stats("", true));
  for (const auto& section : json) {
    for (const auto& [name, value] : section.items()) {
      CHECK(names.contains(name));
      json_count += 1;
    }
  }
  CHECK(json_count == count);
}

TEST_CASE("a section alone, segments only when asked for, and none by a wrong name") {
  Page page;
  kv::SegmentStats segment;
  segment.id = 3;
  segment.is_active = true;
  segment.bytes = 100;
  page.backend.fixed_stats.segments.push_back(segment);
  CHECK(page.text("recovery").starts_with("# recovery\nrecovery_keys: 0\n"));
  CHECK(page.text("recovery").find("# store") == std::string::npos);
  CHECK(page.text().find("segment_3") == std::string::npos);
  CHECK(page.text("segments")
            .starts_with("# segments\nsegment_3: {\"active\":true,\"merged\":false,\"bytes\":100"));
  CHECK_FALSE(page.page.stats("nonsense", false));
  CHECK_FALSE(page.page.stats("nonsense", true));
}

TEST_CASE("the space section says of each segment how much is dead and which rule keeps it") {
  Page page;
  kv::SegmentStats segment;
  segment.id = 3;
  segment.is_merged = true;
  segment.bytes = 100;
  segment.live_bytes = 70;
  segment.dead_bytes = 25;
  segment.kept_because = "it holds damaged records";
  page.backend.fixed_stats.segments = {segment};
  page.backend.fixed_stats.disk_bytes = 100;
  CHECK(page.text("space") ==
        "# space\nspace_total_bytes: 100\nspace_live_bytes: 0\nspace_dead_bytes: 25\n"
        "space_segment_3: {\"kind\":\"merged\",\"bytes\":100,\"live_bytes\":70,"
        "\"dead_bytes\":25,\"dead_share\":0.25,\"kept\":\"it holds damaged records\"}");
  CHECK(page.text().find("space_segment_3") == std::string::npos);
  const auto json = nlohmann::json::parse(*page.page.stats("space", true));
  CHECK(json["space"]["space_segment_3"]["dead_bytes"] == 25);
}

TEST_CASE("the merge section says what the store does and how the last call ended") {
  Page page;
  page.backend.fixed_stats.merge.state = kv::MergeState::kPaused;
  page.backend.fixed_stats.merge.bytes_freed = 12345;
  page.backend.on_merge = [](std::uint64_t) -> kv::Result<kv::MergeSummary> {
    return tl::unexpected(kv::Error{kv::Errc::kNoSpace, "no room", {}});
  };
  page.merges.start(0, nullptr);
  while (page.merges.report().ended == 0) std::this_thread::yield();
  const std::string text = page.text("merge");
  for (const char* line :
       {"merge_state: paused\n", "merge_bytes_freed: 12345\n", "merge_calls_begun: 1\n",
        "merge_calls_ended: 1\n", "merge_last_call_error: no room"}) {
    CAPTURE(line);
    CHECK(text.find(line) != std::string::npos);
  }
}
