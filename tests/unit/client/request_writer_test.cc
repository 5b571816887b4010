#include "client/request_writer.h"

#include <doctest/doctest.h>

using namespace kv;
using namespace kv::client;

namespace {

std::string put(const WriteOptions& options) {
  std::string out;
  append_put(out, "k", "value", options);
  return out;
}

WriteOptions under(Condition::Kind kind, Version version = 0) {
  WriteOptions options;
  options.condition = {kind, version};
  return options;
}

}  // namespace

TEST_CASE("a PUT states the lengths of key and value, then its condition and sync") {
  CHECK(put({}) == "PUT 1 5\nkvalue");
  CHECK(put(under(Condition::Kind::kAbsent)) == "PUT 1 5 if=absent\nkvalue");
  CHECK(put(under(Condition::Kind::kPresent)) == "PUT 1 5 if=present\nkvalue");
  WriteOptions options = under(Condition::Kind::kVersion, 18446744073709551615u);
  options.sync = Sync::kDisk;
  CHECK(put(options) == "PUT 1 5 if=18446744073709551615 sync=disk\nkvalue");
  options = {};
  options.sync = Sync::kNone;
  CHECK(put(options) == "PUT 1 5 sync=none\nkvalue");
  options.sync = Sync::kInterval;
  CHECK(put(options) == "PUT 1 5 sync=interval\nkvalue");
}

TEST_CASE("requests are appended, so that many make one pipeline") {
  std::string out;
  append_get(out, std::string_view("a\n\0", 3));
  append_del(out, "b", under(Condition::Kind::kVersion, 7));
  CHECK(out == std::string("GET 3\na\n\0DEL 1 if=7\nb", 21));
}

TEST_CASE("a batch is a count and then each item behind its own lengths") {
  Batch batch;
  batch.put("a", "");
  batch.put("bb", "xyz");
  std::string out;
  append_batch(out, batch, {});
  CHECK(out == "BPUT 2\n1 0\na2 3\nbbxyz");
}

TEST_CASE("a write of a session says which request it is") {
  std::string out;
  append_put_header(out, 1, 5, under(Condition::Kind::kAbsent), {77, 1, 1, 0});
  append_del(out, "b", {}, {77, 5, 4, 0});
  Batch batch;
  batch.put("a", "");
  append_batch(out, batch, {}, {77, 6, 6, 0});
  CHECK(out ==
        "PUT 1 5 session=77 req=1 if=absent\nDEL 1 session=77 req=5 done_below=4\nb"
        "BPUT 1 session=77 req=6 done_below=6\n1 0\na");
}

TEST_CASE("a batch that BPUT cannot carry is refused before anything is sent") {
  Batch batch;
  CHECK(check_batch(batch).error().code == Errc::kInvalidArgument);
  batch.put("a", "1");
  CHECK(check_batch(batch));
  SUBCASE("with a deletion") { batch.del("b"); }
  SUBCASE("with too many operations") {
    for (std::uint32_t i = 0; i < kBatchCountMax; ++i) batch.put("a", "");
  }
  SUBCASE("with too many bytes") {
    for (int i = 0; i < 2; ++i) batch.put("a", std::string(kValueSizeMax, 'x'));
  }
  REQUIRE(!check_batch(batch));
  CHECK(check_batch(batch).error().code == Errc::kInvalidArgument);
}

TEST_CASE("a page of a range names its bounds, limit and direction") {
  RangeOptions options;
  std::string out;
  append_range(out, options, 10, UINT64_MAX);
  CHECK(out == "RANGE 0 0 limit=10\n");
  options.start = "a";
  options.end = "bc";
  options.is_reverse = true;
  options.is_keys_only = true;
  out.clear();
  append_range(out, options, 1, 512);
  CHECK(out == "RANGE 1 2 limit=1 max_bytes=512 rev=1 keys=1\nabc");
}
