#include "base/checksum.h"

#include <string>

#include <doctest/doctest.h>

using kv::base::crc32c;
using kv::base::crc32c_extend;

TEST_CASE("crc32c gives the values of RFC 3720, appendix B.4") {
  CHECK(crc32c(std::string(32, '\0')) == 0x8a9136aa);
  CHECK(crc32c(std::string(32, '\xff')) == 0x62a8ab43);
  std::string ascending;
  for (int i = 0; i < 32; ++i) ascending.push_back(static_cast<char>(i));
  CHECK(crc32c(ascending) == 0x46dd794e);
  CHECK(crc32c("123456789") == 0xe3069283);
}

TEST_CASE("a checksum can be continued at any split") {
  const std::string text = "the quick brown fox jumps over the lazy dog";
  for (std::size_t split = 0; split <= text.size(); ++split) {
    CAPTURE(split);
    CHECK(crc32c_extend(crc32c(text.substr(0, split)), text.substr(split)) == crc32c(text));
  }
}
