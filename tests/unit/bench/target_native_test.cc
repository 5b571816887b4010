#include "bench/target_native.h"

#include <vector>

#include <doctest/doctest.h>

#include "protocol/reply.h"

using namespace kv;
using namespace kv::bench;
using Kind = Answer::Kind;

namespace {

const TargetNative kTarget(KeyNames(16), std::nullopt);

// The answer to all of `bytes`; every shorter beginning must ask for more.
Answer parsed(std::string_view bytes, const Target& target = kTarget) {
  Answer answer;
  for (std::size_t size = 1; size < bytes.size(); ++size) {
    CAPTURE(size);
    CHECK(!target.parse(bytes.substr(0, size), answer));
  }
  REQUIRE(target.parse(bytes, answer));
  return answer;
}

Kind kind_of(std::string_view bytes) {
  Answer answer;
  REQUIRE(kTarget.parse(bytes, answer));
  return answer.kind;
}

}  // namespace

TEST_CASE("requests are spelled as the protocol has them") {
  std::string out;
  kTarget.append_get(out, 42);
  CHECK(out == "GET 16\nbench:0000000042");
  out.clear();
  kTarget.append_scan(out, 42, 7);
  CHECK(out == "RANGE 16 0 limit=7\nbench:0000000042");
  out.clear();
  kTarget.append_put(out, 42, 100, 5);
  const std::string head = "PUT 16 100\nbench:0000000042";
  REQUIRE(out.starts_with(head));
  CHECK(kTarget.values().is_right(42, out.substr(head.size())));
  out.clear();
  TargetNative(KeyNames(16), Sync::kDisk).append_put(out, 42, 0, 5);
  CHECK(out == "PUT 16 0 sync=disk\nbench:0000000042");
}

TEST_CASE("answers are what a server writes, whole and no sooner") {
  std::string bytes;
  SUBCASE("a value") {
    protocol::append_value_header(bytes, "", 5, 7);
    bytes += "he\nlo\n";
    const Answer answer = parsed(bytes);
    CHECK(answer.kind == Kind::kValue);
    CHECK(answer.value == "he\nlo");
    CHECK(answer.size == bytes.size());
  }
  SUBCASE("an empty value") {
    protocol::append_value_header(bytes, "", 0, 7);
    const Answer answer = parsed(bytes + "\n");
    CHECK(answer.kind == Kind::kValue);
    CHECK(answer.value.empty());
  }
  SUBCASE("no value") {
    protocol::append_not_found(bytes, "");
    CHECK(parsed(bytes).kind == Kind::kMissing);
  }
  SUBCASE("a write") {
    protocol::append_written(bytes, "", 12);
    CHECK(parsed(bytes).kind == Kind::kWritten);
  }
  SUBCASE("an item of a scan") {
    protocol::append_item(bytes, "", "key", "value", 7);
    const Answer answer = parsed(bytes);
    CHECK(answer.kind == Kind::kItem);
    CHECK(answer.key == "key");
    CHECK(answer.value == "value");
  }
  SUBCASE("the end of a scan") {
    protocol::append_end(bytes, "", 3, true);
    const Answer answer = parsed(bytes);
    CHECK(answer.kind == Kind::kEnd);
    CHECK(answer.has_more);
  }
  SUBCASE("a refusal") {
    protocol::append_error(bytes, "", "TRY_LATER", protocol::Applied::kNo, "retry_ms=25", "busy");
    const Answer answer = parsed(bytes);
    CHECK(answer.kind == Kind::kRefused);
    CHECK(answer.text == "TRY_LATER applied=no retry_ms=25 :busy");
  }
}

TEST_CASE("only the first of several answers is taken") {
  const Answer answer = [] {
    Answer first;
    REQUIRE(kTarget.parse("VALUE 1 ver=1\na\nVALUE 1 ver=2\nb\n", first));
    return first;
  }();
  CHECK(answer.value == "a");
  CHECK(answer.size == 16);
}

TEST_CASE("what is no answer is told apart from one that is not whole") {
  for (const char* bytes :
       {"HTTP/1.1 400\n", "VALUE\n", "VALUE x\n", "VALUE 99999999999999999999\n",
        "VALUE 999999999999 ver=1\n", "VALUE 1x\na\n", "VALUE 1 ver=1\nab", "INFO 1\na\n",
        "@tag OK ver=1\n", "\n", "ITEM 1 1 ver=1\nabc\n", "ITEM 9999999999 9999999999 ver=1\n"}) {
    CAPTURE(bytes);
    CHECK(kind_of(bytes) == Kind::kNone);
  }
  CHECK(kind_of(std::string(5000, 'x')) == Kind::kNone);
}
