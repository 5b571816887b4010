#include "engine/inspect.h"

#include <string>

#include <doctest/doctest.h>

#include "kv/store.h"
#include "tests/support/scratch_dir.h"

using kv::Inspection;
using kv::Store;

namespace {

struct Inspected {
  kv::test::ScratchDir scratch;
  Store store = open();

  Store open() const {
    kv::Options options;
    options.segment_size_max = 64 * 1024;
    options.sync = kv::Sync::kNone;
    options.merges_automatically = false;
    auto opened = Store::open(scratch.path() + "/db", options);
    REQUIRE(opened.has_value());
    return std::move(*opened);
  }
  kv::Version put(const std::string& key, const std::string& value) {
    const auto version = store.put(key, value);
    REQUIRE(version.has_value());
    return *version;
  }
  // Closes segments until there are `count` of them.
  void fill(std::size_t count) {
    for (int i = 0; store.stats().segments.size() < count; ++i) {
      put("fill" + std::to_string(i), std::string(1000, 'f'));
    }
  }
  // Everything sealed, with its hint.
  void reopen() {
    { const Store closed = std::move(store); }
    store = open();
  }
  Inspection look(const std::string& key) const {
    auto found = store.inspect(key);
    REQUIRE(found.has_value());
    return std::move(*found);
  }
};

}  // namespace

TEST_CASE_FIXTURE(Inspected, "every record of a key is found, in sealed segments and the active") {
  const auto first = put("k", "one");
  fill(3);
  const auto second = put("k", "twotwo");
  kv::Batch batch;
  batch.put("a", "1");
  batch.put("k", "three");
  const auto third = store.write(batch);
  REQUIRE(third.has_value());
  const Inspection found = look("k");
  REQUIRE(found.records.size() == 3);
  CHECK(found.records[0].version == *third);
  CHECK(found.records[0].is_current);
  CHECK(found.records[0].value_size == 5);
  CHECK(found.records[1].version == second);
  CHECK_FALSE(found.records[1].is_current);
  CHECK(found.records[2].version == first);
  CHECK(found.records[2].bytes >= 4);
  CHECK(found.records[2].segment < found.records[1].segment);
  CHECK(found.segments >= 3);
  CHECK(found.damaged_segments.empty());
}

TEST_CASE_FIXTURE(Inspected, "a delete is found, and nothing is current then") {
  put("k", "one");
  REQUIRE(store.del("k").has_value());
  const Inspection found = look("k");
  REQUIRE(found.records.size() == 2);
  CHECK(found.records[0].is_delete);
  CHECK_FALSE(found.records[0].is_current);
  CHECK_FALSE(found.records[1].is_current);
}

TEST_CASE_FIXTURE(Inspected, "key filters spare the segments that have nothing of the key") {
  put("k", "one");
  fill(8);
  reopen();
  const Inspection found = look("k");
  CHECK(found.records.size() == 1);
  CHECK(found.segments_skipped >= 4);
  CHECK(look("no such key").records.empty());
}

TEST_CASE_FIXTURE(Inspected, "after a merge the key is in a merged segment, the old record gone") {
  put("k", "one");
  fill(3);
  const auto version = put("k", "two");
  fill(6);
  for (int i = 0; i < 500; ++i) put("fill" + std::to_string(i), "x");
  fill(8);
  reopen();
  const auto merged = store.merge();
  REQUIRE(merged.has_value());
  CHECK(merged->inputs > 2);
  const Inspection found = look("k");
  REQUIRE(found.records.size() == 1);
  CHECK(found.records[0].is_in_merged);
  CHECK(found.records[0].is_current);
  CHECK(found.records[0].version == version);
}

TEST_CASE_FIXTURE(Inspected, "a key that cannot be is refused") {
  CHECK(store.inspect("").error().code == kv::Errc::kInvalidArgument);
  CHECK(store.inspect(std::string(70'000, 'k')).error().code == kv::Errc::kInvalidArgument);
}
