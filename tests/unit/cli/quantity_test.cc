#include "cli/quantity.h"

#include <doctest/doctest.h>

using namespace kv::cli;
using namespace std::chrono_literals;

TEST_CASE("a size is a number with a binary or decimal unit") {
  CHECK(parse_size("0") == 0);
  CHECK(parse_size("4096") == 4096);
  CHECK(parse_size("4096B") == 4096);
  CHECK(parse_size("64KiB") == 65536);
  CHECK(parse_size("64K") == 65536);
  CHECK(parse_size("128MiB") == 134217728);
  CHECK(parse_size("2GiB") == 2147483648);
  CHECK(parse_size("3KB") == 3000);
  CHECK(parse_size("3MB") == 3000000);
  CHECK(parse_size("3GB") == 3000000000);
  CHECK(parse_size("18446744073709551615") == UINT64_MAX);
}

TEST_CASE("what is no size is refused") {
  for (const char* text : {"", "MiB", "-1", "+1", " 1", "1 ", "1.5MiB", "1mib", "1TiB", "0x10",
                           "18446744073709551616", "18446744073709551615K", "1e3"}) {
    CAPTURE(text);
    CHECK(!parse_size(text));
  }
}

TEST_CASE("a duration is a number with a unit, seconds without one") {
  CHECK(parse_duration("5s") == 5000ms);
  CHECK(parse_duration("5") == 5000ms);
  CHECK(parse_duration("250ms") == 250ms);
  CHECK(parse_duration("1.5s") == 1500ms);
  CHECK(parse_duration("10m") == 600000ms);
  CHECK(parse_duration("1h") == 3600000ms);
  CHECK(parse_duration("1000h") == 3600000000ms);
}

TEST_CASE("what is no duration, none at all or beyond all reason is refused") {
  for (const char* text : {"", "s", "-1s", "+1s", " 1s", "1 s", "1S", "1e3", "1e3s", "nan", "inf",
                           "0", "0s", "0.5ms", "1001h", "1d", "1s1s"}) {
    CAPTURE(text);
    CHECK(!parse_duration(text));
  }
}

TEST_CASE("for people, bytes have one digit behind the point and counts are in threes") {
  CHECK(human_bytes(0) == "0 B");
  CHECK(human_bytes(999) == "999 B");
  CHECK(human_bytes(1000) == "1.0 kB");
  CHECK(human_bytes(67108864) == "67.1 MB");
  CHECK(human_bytes(1.5e9) == "1.5 GB");
  CHECK(human_bytes(5e15) == "5000.0 TB");
  CHECK(human_count(0) == "0");
  CHECK(human_count(999) == "999");
  CHECK(human_count(1000) == "1 000");
  CHECK(human_count(1234567) == "1 234 567");
}

TEST_CASE("a count is a whole number that is large enough, or told what is wrong") {
  CHECK(problem_with_count("1", 1) == "");
  CHECK(problem_with_count("18446744073709551615", 0) == "");
  CHECK(problem_with_count("0", 0) == "");
  CHECK(problem_with_count("0", 1) == "0 is no whole number from 1");
  for (const char* text : {"", "-1", "+1", "1.5", "1e3", " 1", "x", "18446744073709551616"}) {
    CAPTURE(text);
    CHECK(problem_with_count(text, 0) == std::string(text) + " is no whole number from 0");
  }
}
