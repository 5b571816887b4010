#include "protocol/reply_pattern.h"

#include <string>

#include <doctest/doctest.h>

using namespace kv::protocol;

namespace {

// Whether `pattern` takes all of `actual`.
bool fits(std::string_view pattern, std::string_view actual) {
  const auto parsed = ReplyPattern::parse(pattern);
  REQUIRE_MESSAGE(parsed, parsed.error().context);
  return parsed->match_front(actual) == actual.size();
}

}  // namespace

TEST_CASE("escapes stand for their bytes, and bytes are shown as escapes") {
  CHECK(unescape_bytes("a\\n\\r\\\\\\x00\\xFf*") == std::string("a\n\r\\\0\xff*", 7));
  CHECK(unescape_bytes("<\\(ab*3)>") == "<ababab>");
  CHECK(unescape_bytes("\\(\\x00*2)") == std::string(2, '\0'));
  CHECK(unescape_bytes("\\(**3)") == "***");
  CHECK(unescape_bytes("\\(a*0)").value().empty());
  std::string all;
  for (int byte = 0; byte < 256; ++byte) all += static_cast<char>(byte);
  CHECK(unescape_bytes(escape_bytes(all)) == all);
  CHECK(escape_bytes("a\n\r\\\x01\xff") == "a\\n\\r\\\\\\x01\\xff");
}

TEST_CASE("an escape that means nothing is an error") {
  for (const char* text : {"\\", "\\q", "\\x", "\\x1", "\\x1g", "\\x 1", "\\x+1", "\\(a)", "\\(a*)",
                           "\\(a*x)", "\\(a*2", "\\(\\q*2)", "\\(a*9999999999)", "\t", "\x80"}) {
    CAPTURE(text);
    CHECK_FALSE(unescape_bytes(text));
    CHECK_FALSE(ReplyPattern::parse(text));
  }
}

TEST_CASE("without wildcards only the same bytes fit") {
  CHECK(fits("VALUE 2\\nab\\n", "VALUE 2\nab\n"));
  CHECK_FALSE(fits("VALUE 2\\nab\\n", "VALUE 2\nac\n"));
  CHECK_FALSE(fits("VALUE 2\\nab\\n", "VALUE 2\nab"));
  CHECK_FALSE(fits("OK\\n", "OK\nOK\n"));
  CHECK(ReplyPattern::parse("OK\\n")->match_front("OK\nOK\n") == 3);
}

TEST_CASE("=* fits a decimal") {
  CHECK(fits("OK ver=*\\n", "OK ver=0\n"));
  CHECK(fits("OK count=2 ver=* x\\n", "OK count=2 ver=18446744073709551615 x\n"));
  for (const char* actual : {"OK ver=\n", "OK ver=x\n", "OK ver=-1\n", "OK ver=01\n", "OK ver=1x\n",
                             "OK ver=18446744073709551616\n"}) {
    CAPTURE(actual);
    CHECK_FALSE(fits("OK ver=*\\n", actual));
  }
}

TEST_CASE(":* fits an error's text, or that there is none") {
  CHECK(fits("ERR X applied=no :*\\n", "ERR X applied=no\n"));
  CHECK(fits("ERR X applied=no :*\\n", "ERR X applied=no :why : and what now\n"));
  CHECK_FALSE(fits("ERR X applied=no :*\\n", "ERR X applied=no arg=x :why\n"));
  CHECK_FALSE(fits("ERR X applied=no :*\\n", "ERR X applied=no :why\nOK\n"));
  CHECK_FALSE(fits("ERR X applied=no :*\\n", "ERR X applied=no :why"));
}

TEST_CASE("a * that is a word fits the rest of its line") {
  CHECK(fits("OK v=1 *\\n", "OK v=1 server=kv/0.1.0 feats=a,b\n"));
  CHECK_FALSE(fits("OK v=1 *\\n", "OK v=1 \n"));
  CHECK_FALSE(fits("OK v=1 *\\n", "OK v=1 a\nb\n"));
  CHECK(fits("-ERR *\\r\\n", "-ERR no RESP\r\n"));
  CHECK_FALSE(fits("-ERR *\\r\\n", "-ERR no RESP\n"));
  CHECK_FALSE(fits("-ERR *\\r\\n", "-ERR a\nb\r\n"));
}

TEST_CASE("INFO * fits the whole reply by its length") {
  CHECK(fits("INFO *\\n", "INFO 4\na\nb\n\n"));
  CHECK(fits("@t INFO *\\n", "@t INFO 0\n\n"));
  CHECK_FALSE(fits("INFO *\\n", "INFO 4\nabc\n"));
  CHECK_FALSE(fits("INFO *\\n", "INFO 2\nabc\n"));
  CHECK_FALSE(fits("INFO *\\n", "INFO 04\nabcd\n"));
  CHECK_FALSE(fits("INFO *\\n", "INFO 4"));
}

TEST_CASE("** fits everything behind it") {
  CHECK(fits("HTTP/1.1 400 **", "HTTP/1.1 400 Bad\r\n\r\n\x01"));
  CHECK_FALSE(fits("HTTP/1.1 400 **", "HTTP/1.1 200 OK\r\n"));
}

TEST_CASE("a * anywhere else is an error, so that a vector cannot mean less than it seems") {
  for (const char* text : {"*", "OK *", "a*\\n", "** \\n", "OK * x\\n", "OK v=1 **\\n", ":*\\n"}) {
    CAPTURE(text);
    CHECK_FALSE(ReplyPattern::parse(text));
  }
}
