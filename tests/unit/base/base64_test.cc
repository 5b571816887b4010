#include "base/base64.h"

#include <doctest/doctest.h>

using kv::base::base64;
using kv::base::from_base64;

TEST_CASE("base64 is that of RFC 4648, with padding") {
  const auto check = [](std::string_view bytes, std::string_view text) {
    CAPTURE(text);
    CHECK(base64(bytes) == text);
    CHECK(from_base64(text) == bytes);
  };
  check("", "");
  check("f", "Zg==");
  check("fo", "Zm8=");
  check("foo", "Zm9v");
  check("foob", "Zm9vYg==");
  check("fooba", "Zm9vYmE=");
  check("foobar", "Zm9vYmFy");
  check(std::string_view("\x00\xff\xfe", 3), "AP/+");
}

TEST_CASE("only what base64 writes is read") {
  for (const char* text : {"Z", "Zg", "Zg=", "Zg===", "====", "Zg==Zg==", "Z===", "Zm9v ", "Zm9v\n",
                           "Zm-v", "=m9v", "Zh==", "Zm9="}) {
    CAPTURE(text);
    CHECK(!from_base64(text));
  }
}

TEST_CASE("every byte survives") {
  std::string bytes;
  for (int i = 0; i < 256; ++i) bytes += static_cast<char>(i);
  CHECK(from_base64(base64(bytes)) == bytes);
}
