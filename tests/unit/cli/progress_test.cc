#include "cli/progress.h"

#include <doctest/doctest.h>

using kv::cli::merge_line;
using kv::cli::progress_line;

TEST_CASE("without a known share the line tells the records and the rate") {
  CHECK(progress_line(1234, 5'000'000, 2, std::nullopt) == "1 234 records  2.5 MB/s");
  CHECK(progress_line(0, 0, 0, std::nullopt) == "0 records  0 B/s");
}

TEST_CASE("with one there is a bar, and the time left follows from the time taken") {
  CHECK(progress_line(10, 3'000, 3, 0.25) ==
        "[#####---------------]  25 %  10 records  1.0 kB/s  eta 9 s");
  CHECK(progress_line(10, 3'000, 3, 1) ==
        "[####################] 100 %  10 records  1.0 kB/s  eta 0 s");
}

TEST_CASE("a share that is none yet has no time left, one that is too large is all") {
  CHECK(progress_line(0, 0, 1, 0) == "[--------------------]   0 %  0 records  0 B/s");
  CHECK(progress_line(2, 0, 1, 1.5) == "[####################] 100 %  2 records  0 B/s  eta 0 s");
}

TEST_CASE("a merge tells the share of its bytes that is done") {
  CHECK(merge_line(52'000'000, 100'000'000, 2) ==
        "merging  [##########----------]  52 %  26.0 MB/s  eta 2 s");
  CHECK(merge_line(0, 0, 1) == "merging  [--------------------]   0 %  0 B/s");
}
