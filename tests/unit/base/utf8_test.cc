#include "base/utf8.h"

#include <string>

#include <doctest/doctest.h>

using namespace kv::base;

TEST_CASE("a sequence of UTF-8 is as long as its first byte says") {
  CHECK(utf8_sequence_size("a") == 1);
  CHECK(utf8_sequence_size(std::string_view("\0", 1)) == 1);
  CHECK(utf8_sequence_size("\xc2\x80") == 2);
  CHECK(utf8_sequence_size("\xe2\x82\xac and more") == 3);
  CHECK(utf8_sequence_size("\xf4\x8f\xbf\xbf") == 4);
}

TEST_CASE("what RFC 3629 forbids is no UTF-8") {
  for (const char* bytes : {"\x80", "\xbf", "\xc0\x80", "\xc1\xbf", "\xc2", "\xc2z", "\xe0\x9f\xbf",
                            "\xed\xa0\x80", "\xed\xbf\xbf", "\xe2\x82", "\xf0\x8f\xbf\xbf",
                            "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff"}) {
    CAPTURE(bytes);
    CHECK(utf8_sequence_size(bytes) == 0);
    CHECK(!is_utf8(bytes));
    CHECK(!is_utf8(std::string("text before ") + bytes));
  }
}

TEST_CASE("text is UTF-8 to its last byte, and the empty text is") {
  CHECK(is_utf8(""));
  CHECK(is_utf8("två \xf0\x9f\x8c\x8d"));
  CHECK(!is_utf8("cut \xf0\x9f\x8c"));
}
