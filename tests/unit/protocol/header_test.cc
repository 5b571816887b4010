#include "protocol/header.h"

#include <string>

#include <doctest/doctest.h>

using namespace kv::protocol;

TEST_CASE("a header is taken apart into tag, verb, lengths and options") {
  HeaderLine header;
  REQUIRE(parse_header("@a:1 put 3 0 sync=none if=a=b", header) == nullptr);
  CHECK(header.tag == "a:1");
  CHECK(header.verb == "put");
  REQUIRE(header.length_count == 2);
  CHECK(header.lengths[0] == 3);
  CHECK(header.lengths[1] == 0);
  REQUIRE(header.option_count == 2);
  CHECK(header.option_list()[0].name == "sync");
  CHECK(header.option_list()[0].value == "none");
  CHECK(header.option_list()[1].name == "if");
  CHECK(header.option_list()[1].value == "a=b");
}

TEST_CASE("lengths that no verb has are counted, and options that no verb has are judged") {
  HeaderLine header;
  REQUIRE(parse_header("X 1 2 3 4", header) == nullptr);
  CHECK(header.length_count == 4);
  std::string line = "X";
  for (char c = 'a'; c <= 'z'; ++c) line.append({' ', c, '=', '1'});
  HeaderLine many;
  CHECK(parse_header(line, many) == nullptr);
  CHECK(many.option_count == HeaderLine::kOptionsMax);
  CHECK(many.option_list().back().name == "p");
  HeaderLine wrong;
  CHECK(parse_header(line + " =1", wrong) != nullptr);
}

TEST_CASE("a wrong header keeps its tag where that is good") {
  HeaderLine header;
  CHECK(parse_header("@t GET 03", header) != nullptr);
  CHECK(header.tag == "t");
  HeaderLine bad;
  CHECK(parse_header("@t! GET 3", bad) != nullptr);
  CHECK(bad.tag.empty());
}

TEST_CASE("the tag of a line that has no end yet is found") {
  CHECK(tag_of("@abc PING xxxx") == "abc");
  CHECK(tag_of("@abc").empty());
  CHECK(tag_of("@ PING").empty());
  CHECK(tag_of("@a/b PING").empty());
  CHECK(tag_of("abc PING").empty());
  CHECK(tag_of("").empty());
  CHECK(tag_of("@" + std::string(33, 'a') + " PING").empty());
}

TEST_CASE("a length is a plain decimal of up to ten digits") {
  CHECK(parse_length("0") == 0);
  CHECK(parse_length("7") == 7);
  CHECK(parse_length("9999999999") == 9999999999);
  for (const char* text : {"", "00", "01", "-1", "+1", " 1", "1 ", "1e3", "0x1", "10000000000"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_length(text));
  }
}

TEST_CASE("a number goes up to 2^64 - 1") {
  CHECK(parse_number("18446744073709551615") == 18446744073709551615u);
  CHECK_FALSE(parse_number("18446744073709551616"));
  CHECK_FALSE(parse_number("99999999999999999999"));
  CHECK_FALSE(parse_number("100000000000000000000"));
}

TEST_CASE("an item's line is two lengths") {
  std::uint64_t key = 9;
  std::uint64_t value = 9;
  CHECK(parse_subheader("3 0", key, value));
  CHECK(key == 3);
  CHECK(value == 0);
  for (const char* line : {"", "3", "3 ", " 3", "3  4", "3 4 ", "3 4 5", "3 x", "3\t4", "03 4"}) {
    CAPTURE(line);
    CHECK_FALSE(parse_subheader(line, key, value));
  }
}
