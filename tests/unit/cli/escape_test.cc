#include "cli/escape.h"

#include <doctest/doctest.h>

using namespace kv::cli;

namespace {

// The words of a line between bars, quoted ones behind a tilde; "?" for a line that is none.
std::string split(std::string_view line) {
  const auto words = split_words(line);
  if (!words) return "?";
  std::string out;
  for (const Word& word : *words) out += (word.is_quoted ? "~" : "") + word.text + "|";
  return out;
}

}  // namespace

TEST_CASE("plain words stand between blanks and tabs and have no escapes") {
  CHECK(split("") == "");
  CHECK(split(" \t ") == "");
  CHECK(split("PUT key value") == "PUT|key|value|");
  CHECK(split("  PUT\t\tkey  ") == "PUT|key|");
  CHECK(split("a\\x00b it's") == "a\\x00b|it's|");
  CHECK(split("a\"b") == "a\"b|");
}

TEST_CASE("words in quotes hold blanks and escapes, and may be empty") {
  CHECK(split(R"("two words" x)") == "~two words|x|");
  CHECK(split(R"("")") == "~|");
  CHECK(split(R"("\n\r\t\"\\")") == "~\n\r\t\"\\|");
  CHECK(split(R"("\x41\xfF")") == "~A\xff|");
  CHECK(split(R"("a\x00b")") == std::string("~a\0b|", 5));
  CHECK(split(R"("\0")") == std::string("~\0|", 3));
}

TEST_CASE("a quote without end, an escape that is none and text behind a quote are refused") {
  for (const char* line : {"\"", "\"a", "\"a\\\"", "\"a\\", "\"\\q\"", "\"\\x\"", "\"\\x4\"",
                           "\"\\xg0\"", "\"\\x4g\"", "\"a\"b", "\"a\"\"b\""}) {
    CAPTURE(line);
    CHECK(split(line) == "?");
  }
}

TEST_CASE("text is shown as it is, and in quotes where it could be misread") {
  CHECK(shown("word") == "word");
  CHECK(shown("two words") == "two words");
  CHECK(shown("två \xf0\x9f\x8c\x8d") == "två \xf0\x9f\x8c\x8d");
  CHECK(shown("") == R"("")");
  CHECK(shown(" a") == R"(" a")");
  CHECK(shown("a ") == R"("a ")");
  CHECK(shown("say \"x\"") == R"("say \"x\"")");
  CHECK(shown("a\\b") == R"("a\\b")");
}

TEST_CASE("nothing that could drive a terminal is shown raw") {
  CHECK(in_quotes("\x1b[2J") == R"("\x1b[2J")");
  CHECK(in_quotes("a\n\r\tb") == R"("a\n\r\tb")");
  CHECK(in_quotes(std::string_view("\0\x7f", 2)) == R"("\x00\x7f")");
  CHECK(in_quotes("\xff\xc3") == R"("\xff\xc3")");
  // The control characters of ISO 8859-1, which some terminals obey, are UTF-8 of two bytes.
  CHECK(in_quotes("\xc2\x9b") == R"("\xc2\x9b")");
}

TEST_CASE("what is shown in quotes is read back as it was, whatever the bytes") {
  std::string bytes;
  for (int i = 0; i < 256; ++i) bytes += static_cast<char>(i);
  const auto words = split_words(in_quotes(bytes));
  REQUIRE(words);
  REQUIRE(words->size() == 1);
  CHECK(words->front().text == bytes);
}
