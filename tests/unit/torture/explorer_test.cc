#include "torture/explorer.h"

#include <algorithm>
#include <ostream>

#include <doctest/doctest.h>

using kv::torture::Cut;
using kv::torture::describe;
using kv::torture::Explorer;
using kv::torture::Finding;
using kv::torture::parse_cut;
using kv::torture::Script;
using kv::torture::scripts;

namespace {

// Sanitizers make each start ten times as slow, and need not see all of them.
#if defined(__SANITIZE_ADDRESS__)
constexpr std::uint64_t kShare = 16;
#else
constexpr std::uint64_t kShare = 1;
#endif

void explore(const std::string& name, bool cuts_starts) {
  for (const Script& script : scripts()) {
    if (script.name != name) continue;
    Explorer::Settings settings;
    // Few operations only: the cut inside the start makes up for the others, and `kv torture` has
    // time for all.
    settings.stride = 23 * kShare;
    settings.parts = cuts_starts ? 1 : kShare;
    settings.random_variants = cuts_starts ? 1 : 3;
    Explorer explorer(script, settings);
    const auto finding = cuts_starts ? explorer.cut_starts_everywhere() : explorer.cut_everywhere();
    CHECK_MESSAGE(!finding, describe(finding.value_or(Finding())));
    CHECK(explorer.starts() > explorer.operations() / kShare);
    return;
  }
  FAIL("no script is called " << name);
}

}  // namespace

#define KV_EXPLORE(name)                                                                           \
  TEST_CASE("wherever the power goes in " name ", the next start finds what was promised") {       \
    explore(name, false);                                                                          \
  }                                                                                                \
  TEST_CASE("wherever the power goes in " name " and in the next start, the one after is right") { \
    explore(name, true);                                                                           \
  }

KV_EXPLORE("merge")
KV_EXPLORE("merge-synced")
KV_EXPLORE("reopen")
KV_EXPLORE("reopen-synced")
KV_EXPLORE("die")
KV_EXPLORE("rewrite")
KV_EXPLORE("long-manifest")

TEST_CASE("every script lives to its end, and the explorer reaches each of its operations") {
  for (const Script& script : scripts()) {
    CAPTURE(script.name);
    kv::torture::Life life(script.settings, script.disk);
    CHECK(script.run(life));
    CHECK_MESSAGE(!life.problem(), life.problem().value_or(""));
    Explorer::Settings settings;
    settings.random_variants = 0;
    settings.parts = kShare;
    Explorer explorer(script, settings);
    CHECK_FALSE(explorer.cut_everywhere());
    // Three variants of what survives; the last cut is behind the end.
    CHECK(explorer.starts() == 3 * ((life.machine().changes() + kShare - 1) / kShare + 1));
  }
}

TEST_CASE("a cut is written as it is read") {
  for (const char* text : {"0:synced", "12:random:3", "7:cache/5:all", "7:random:1/0:random:9"}) {
    const auto cut = parse_cut(text);
    REQUIRE(cut.has_value());
    CHECK(describe(*cut) == text);
  }
  for (const char* text : {"", "x", "1", "1:", "1:none", "1:synced/", "1:synced/2", "1:synced/2:x",
                           "1:synced/2:all!", "1:random:"}) {
    CHECK_FALSE(parse_cut(text).has_value());
  }
}
