#include "cli/table.h"

#include <doctest/doctest.h>

using kv::cli::table_text;

TEST_CASE("columns are as wide as their widest cell, those of numbers stand to the right") {
  CHECK(table_text({{"id", "name", "bytes"}, {"1", "first", "10"}, {"12", "b", "9 000"}}) ==
        "id  name   bytes\n"
        " 1  first     10\n"
        "12  b      9 000\n");
}

TEST_CASE("a number that is not known leaves the others to the right") {
  CHECK(table_text({{"lag", "of"}, {"-", "a"}, {"12", "b"}}) == "lag  of\n  -  a\n 12  b\n");
}

TEST_CASE("no line ends in blanks") {
  CHECK(table_text({{"a", "long name"}, {"x", ""}}) == "a  long name\nx\n");
}
