#include "bench/target_resp.h"

#include <doctest/doctest.h>

using namespace kv::bench;
using Kind = Answer::Kind;

namespace {

const TargetResp kTarget{KeyNames(16)};

Answer parsed(std::string_view bytes) {
  Answer answer;
  for (std::size_t size = 1; size < bytes.size(); ++size) {
    CAPTURE(size);
    CHECK(!kTarget.parse(bytes.substr(0, size), answer));
  }
  REQUIRE(kTarget.parse(bytes, answer));
  return answer;
}

}  // namespace

TEST_CASE("requests are arrays of strings") {
  std::string out;
  kTarget.append_get(out, 42);
  CHECK(out == "*2\r\n$3\r\nGET\r\n$16\r\nbench:0000000042\r\n");
  out.clear();
  kTarget.append_put(out, 42, 100, 5);
  const std::string head = "*3\r\n$3\r\nSET\r\n$16\r\nbench:0000000042\r\n$100\r\n";
  REQUIRE(out.starts_with(head));
  REQUIRE(out.size() == head.size() + 102);
  CHECK(kTarget.values().is_right(42, out.substr(head.size(), 100)));
  CHECK(out.ends_with("\r\n"));
  CHECK(!kTarget.can_scan());
}

TEST_CASE("answers are taken whole and no sooner") {
  SUBCASE("a value") {
    const Answer answer = parsed("$6\r\na\r\nb\r\n\r\n");
    CHECK(answer.kind == Kind::kValue);
    CHECK(answer.value == "a\r\nb\r\n");
    CHECK(answer.size == 12);
  }
  SUBCASE("an empty value") {
    const Answer answer = parsed("$0\r\n\r\n");
    CHECK(answer.kind == Kind::kValue);
    CHECK(answer.size == 6);
  }
  SUBCASE("no value") { CHECK(parsed("$-1\r\n").kind == Kind::kMissing); }
  SUBCASE("a write") { CHECK(parsed("+OK\r\n").kind == Kind::kWritten); }
  SUBCASE("a refusal") {
    const Answer answer = parsed("-ERR no\r\n");
    CHECK(answer.kind == Kind::kRefused);
    CHECK(answer.text == "ERR no");
  }
}

TEST_CASE("what is no answer to GET or SET is told apart from one that is not whole") {
  for (const char* bytes : {"OK\n", "+OK\n", "\r\n", "\n", "$x\r\n", "$-2\r\n", "$99999999999\r\n",
                            "$1\r\nabc", ":1\r\n", "*1\r\n", "VALUE 1\r\n"}) {
    CAPTURE(bytes);
    Answer answer;
    REQUIRE(kTarget.parse(bytes, answer));
    CHECK(answer.kind == Kind::kNone);
  }
}
