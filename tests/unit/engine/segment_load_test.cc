#include "engine/segment_load.h"

#include <string>

#include <doctest/doctest.h>

#include "tests/unit/engine/support/merged_segments.h"

using kv::test::MergedSegments;

TEST_CASE_FIXTURE(MergedSegments, "an older value never stands for a damaged merged one") {
  // The sequences that lie before a record say nothing of its own.
  make({{{"k", "old", 5}}, {{"a", "1", 1}, {"k", "new", 6}, {"b", "2", 2}}, {{"z", "3", 9}}});
  damage_header(2, kFirst + kRecordSize);
  open();
  CHECK(get("k") == "(corrupt)");
  CHECK(get("a") == "1");
  CHECK(get("b") == "2");
  CHECK(get("z") == "3");
  REQUIRE(store->put("k", "again").has_value());
  CHECK(get("k") == "again");
  open();
  CHECK(get("k") == "again");
}

TEST_CASE_FIXTURE(MergedSegments, "a newer value stands, though an older one is damaged") {
  make({{{"k", "old", 5}, {"a", "1", 2}}, {{"k", "new", 6}}});
  damage_header(1, kFirst);
  open();
  CHECK(get("k") == "new");
}

TEST_CASE_FIXTURE(MergedSegments, "a database opens wherever a merged segment is damaged") {
  make({{{"a", "1", 4}, {"b", "2", 9}, {"c", "3", 7}}});
  SUBCASE("in its first record") {
    damage_header(1, kFirst);
    open();
    CHECK(get("a") == "(corrupt)");
    CHECK(get("b") == "2");
    CHECK(get("none") == "(none)");
  }
  SUBCASE("behind its highest sequence") {
    damage_header(1, kFirst + 2 * kRecordSize);
    open();
    CHECK(get("c") == "(corrupt)");
    CHECK(get("b") == "2");
    CHECK(get("none") == "(none)");
  }
  SUBCASE("in each record") {
    for (std::uint64_t i = 0; i < 3; ++i) damage_header(1, kFirst + i * kRecordSize);
    open();
    for (const char* key : {"a", "b", "c"}) CHECK(get(key) == "(corrupt)");
  }
  SUBCASE("all over") {
    write(1, kFirst, std::string(3 * kRecordSize, '?'));
    open();
    for (const char* key : {"a", "b", "c", "none"}) CHECK(get(key) == "(corrupt)");
  }
}

TEST_CASE_FIXTURE(MergedSegments, "a merged range that hides its keys hides no later writes") {
  make({{{"a", "1", 4}, {"b", "2", 9}, {"c", "3", 7}}});
  write(1, kFirst, std::string(2 * kRecordSize, '\0'));
  open();
  for (const char* key : {"a", "b", "c", "none"}) CHECK(get(key) == "(corrupt)");
  for (const char* key : {"a", "new"}) REQUIRE(store->put(key, "again").has_value());
  for (const char* key : {"a", "new"}) CHECK(get(key) == "again");
  open();
  for (const char* key : {"a", "new"}) CHECK(get(key) == "again");
  CHECK(get("b") == "(corrupt)");
}
