#include "engine/merge_remains.h"

#include <filesystem>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "kv/salvage.h"
#include "tests/unit/engine/support/merged_segments.h"

namespace stdfs = std::filesystem;

namespace {

// Segment 1 was merged into 3, and the edit that said so was the last one, and rotted: the MANIFEST
// seems to end in an edit that a crash tore, and the merge never to have been committed.
struct ForgottenMerge : kv::test::MergedSegments {
  ForgottenMerge() {
    make({{{"a", "1", 4}, {"b", "2", 5}, {"c", "3", 6}}, {{"a", "new", 7}}});
    make_uncommitted({{"b", "2", 5}, {"c", "3", 6}});
    stdfs::remove(segment_path(1));
  }
  // What salvage makes of the database, and then of each key.
  std::string salvaged(const std::string& key) {
    const std::string target = scratch.path() + "/new";
    if (!stdfs::exists(target)) REQUIRE(kv::salvage(path, target).has_value());
    store.reset();
    auto opened = kv::Store::open(target);
    REQUIRE(opened.has_value());
    store = std::move(*opened);
    return get(key);
  }
};

}  // namespace

TEST_CASE_FIXTURE(ForgottenMerge, "what a merge made is kept when what it was made of is gone") {
  for (int i = 0; i < 2; ++i) {
    open();
    CHECK(get("a") == "new");
    for (const char* key : {"b", "c", "none"}) CHECK(get(key) == "(corrupt)");
    REQUIRE(stdfs::exists(segment_path(3)));
    store.reset();
  }
  for (const auto& [key, value] : {std::pair("a", "new"), {"b", "2"}, {"c", "3"}}) {
    CHECK(salvaged(key) == value);
  }
}

TEST_CASE_FIXTURE(ForgottenMerge, "salvage finds it without an open before") {
  for (const auto& [key, value] : {std::pair("a", "new"), {"b", "2"}, {"c", "3"}}) {
    CHECK(salvaged(key) == value);
  }
}

TEST_CASE_FIXTURE(ForgottenMerge, "keys written since are served") {
  open();
  REQUIRE(store->put("b", "again").has_value());
  open();
  CHECK(get("b") == "again");
}

TEST_CASE_FIXTURE(ForgottenMerge, "damage in what is left of it is told") {
  SUBCASE("of a key") { damage_header(3, kFirst); }
  SUBCASE("of a body") { write(3, kFirst + kv::format::kRecordHeaderSize + 1, "?"); }
  SUBCASE("of everything") { write(3, kFirst, std::string(2 * kRecordSize, '?')); }
  SUBCASE("behind a key at its end") { stdfs::resize_file(segment_path(3), kFirst + 50); }
  SUBCASE("at its end") { stdfs::resize_file(segment_path(3), kFirst + kRecordSize + 8); }
  for (int i = 0; i < 2; ++i) {
    open();
    CHECK(get("a") == "new");
    for (const char* key : {"b", "c"}) CHECK(get(key) == "(corrupt)");
  }
}

TEST_CASE_FIXTURE(ForgottenMerge, "after a loss that is known a merge's remains go as ever") {
  open();
  store.reset();
  const int output = make_uncommitted({{"b", "2", 5}});
  REQUIRE(stdfs::exists(segment_path(output)));
  open();
  CHECK_FALSE(stdfs::exists(segment_path(output)));
  CHECK(get("b") == "(corrupt)");
}
