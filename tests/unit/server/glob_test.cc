#include "server/glob.h"

#include <doctest/doctest.h>

using kv::server::glob_matches;
using kv::server::glob_prefix;

TEST_CASE("a pattern matches the whole text") {
  CHECK(glob_matches("abc", "abc"));
  CHECK(!glob_matches("abc", "abcd"));
  CHECK(!glob_matches("abcd", "abc"));
  CHECK(glob_matches("", ""));
  CHECK(!glob_matches("", "a"));
}

TEST_CASE("stars, question marks, classes and escapes") {
  CHECK(glob_matches("*", ""));
  CHECK(glob_matches("a*c", "abcbc"));
  CHECK(!glob_matches("a*c", "abcb"));
  CHECK(glob_matches("**a**", "bab"));
  CHECK(glob_matches("a?c", "axc"));
  CHECK(!glob_matches("a?c", "ac"));
  CHECK(glob_matches("[a-c]x", "bx"));
  CHECK(!glob_matches("[a-c]x", "dx"));
  CHECK(glob_matches("[c-a]x", "bx"));
  CHECK(glob_matches("[^a]x", "bx"));
  CHECK(!glob_matches("[^a]x", "ax"));
  CHECK(glob_matches("[a-]x", "-x"));
  CHECK(glob_matches("[\\]]x", "]x"));
  CHECK(glob_matches("\\*x", "*x"));
  CHECK(!glob_matches("\\*x", "ax"));
  CHECK(glob_matches("[ab", "b"));
}

TEST_CASE("many stars take no longer than the product of both sizes") {
  const std::string text(2000, 'a');
  CHECK(!glob_matches("*a*a*a*a*a*a*a*a*a*a*a*a*b", text));
}

TEST_CASE("what every match begins with") {
  CHECK(glob_prefix("key:*") == "key:");
  CHECK(glob_prefix("k\\*y?") == "k*y");
  CHECK(glob_prefix("[a]b") == "");
  CHECK(glob_prefix("abc") == "abc");
}
