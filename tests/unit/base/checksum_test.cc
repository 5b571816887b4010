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

TEST_CASE("short and long blocks, at any address, have the checksum of their bytes one by one") {
  std::string bytes;
  for (int i = 0; i < 600; ++i) bytes.push_back(static_cast<char>(i * i + i / 7));
  for (std::size_t skipped = 0; skipped < 9; ++skipped) {
    std::uint32_t one_by_one = 0;
    for (std::size_t size = 0; skipped + size < bytes.size(); ++size) {
      CAPTURE(size);
      REQUIRE(crc32c(bytes.substr(skipped, size)) == one_by_one);
      REQUIRE(crc32c(std::string_view(bytes).substr(skipped, size)) == one_by_one);
      one_by_one = crc32c_extend(one_by_one, bytes.substr(skipped + size, 1));
    }
  }
}

TEST_CASE("a checksum can be continued at any split") {
  const std::string text = "the quick brown fox jumps over the lazy dog";
  for (std::size_t split = 0; split <= text.size(); ++split) {
    CAPTURE(split);
    CHECK(crc32c_extend(crc32c(text.substr(0, split)), text.substr(split)) == crc32c(text));
  }
}
