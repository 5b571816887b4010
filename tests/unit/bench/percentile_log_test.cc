#include "bench/percentile_log.h"

#include <sstream>
#include <vector>

#include <doctest/doctest.h>

using namespace kv::bench;

TEST_CASE("the log of a few times, as HdrHistogram lays it out") {
  Histogram histogram;
  for (const std::uint64_t us : {1, 2, 3, 4}) histogram.record(us * 1000);
  CHECK(percentile_log(histogram) ==
        "       Value     Percentile TotalCount 1/(1-Percentile)\n"
        "\n"
        "    0.001000 0.000000000000          1           1.00\n"
        "    0.001000 0.100000000000          1           1.11\n"
        "    0.001000 0.200000000000          1           1.25\n"
        "    0.002000 0.300000000000          2           1.43\n"
        "    0.002000 0.400000000000          2           1.67\n"
        "    0.002000 0.500000000000          2           2.00\n"
        "    0.003001 0.550000000000          3           2.22\n"
        "    0.003001 0.600000000000          3           2.50\n"
        "    0.003001 0.650000000000          3           2.86\n"
        "    0.003001 0.700000000000          3           3.33\n"
        "    0.003001 0.750000000000          3           4.00\n"
        "    0.004000 1.000000000000          4\n"
        "#[Mean    =     0.002500, StdDeviation   =     0.001118]\n"
        "#[Max     =     0.004000, Total count    =            4]\n"
        "#[Buckets =           32, SubBuckets     =         2048]\n");
}

TEST_CASE("values and shares rise line by line to the last time") {
  Histogram histogram;
  for (std::uint64_t i = 1; i <= 100'000; ++i) histogram.record(i * i);
  std::istringstream lines(percentile_log(histogram));
  std::string line;
  std::getline(lines, line);
  std::getline(lines, line);
  double value_before = 0, share_before = -1;
  std::uint64_t count = 0;
  std::size_t read = 0;
  while (std::getline(lines, line) && !line.starts_with('#')) {
    std::istringstream fields(line);
    double value = 0, share = 0;
    fields >> value >> share >> count;
    REQUIRE(!fields.fail());
    CHECK(value >= value_before);
    CHECK(share > share_before);
    CHECK(share * 100'000 <= static_cast<double>(count) + 0.5);
    value_before = value;
    share_before = share;
    read += 1;
  }
  CHECK(read > 60);
  CHECK(share_before == 1);
  CHECK(count == 100'000);
  CHECK(value_before == doctest::Approx(10'000));
}

TEST_CASE("without times there are no lines but the last three") {
  CHECK(percentile_log(Histogram()).find("0.0000 ") == std::string::npos);
}
