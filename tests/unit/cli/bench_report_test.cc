#include "cli/bench_report.h"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include "cli/exit_code.h"

using namespace kv::cli;
namespace bench = kv::bench;
using kv::bench::Operation;
using kv::bench::RunResult;

namespace {

RunResult result_of(std::initializer_list<Operation> operations) {
  RunResult result;
  result.seconds = 2;
  for (const Operation operation : operations) {
    for (std::uint64_t i = 1; i <= 1000; ++i) result.tally.line(operation).times.record(i * 1000);
  }
  return result;
}

}  // namespace

TEST_CASE("times are shown with about three digits") {
  CHECK(human_ms(0) == "0.000 ms");
  CHECK(human_ms(53'210) == "0.053 ms");
  CHECK(human_ms(1'234'000) == "1.23 ms");
  CHECK(human_ms(12'340'000) == "12.3 ms");
  CHECK(human_ms(1'234'000'000) == "1234 ms");
}

TEST_CASE("one operation has a line, several have one more for all") {
  RunResult one = result_of({Operation::kRead});
  one.tally.line(Operation::kRead).wrong = 3;
  CHECK(bench_text(one) ==
        "read    p50 0.500 ms  p90 0.900 ms  p99 0.990 ms  p99.9 0.999 ms  max 1.00 ms    "
        "500 op/s   count 1 000   errors 3\n");
  const std::string two = bench_text(result_of({Operation::kRead, Operation::kScan}));
  CHECK(two.find("\nscan    p50") != std::string::npos);
  CHECK(two.find("\nall     p50") != std::string::npos);
  CHECK(two.find("update") == std::string::npos);
}

TEST_CASE("the JSON has the numbers as they are") {
  RunResult result = result_of({Operation::kRead, Operation::kInsert});
  result.tally.unsent = 4;
  result.tally.line(Operation::kInsert).refused = 1;
  const auto json = bench_json(result);
  CHECK(json["unsent"] == 4);
  CHECK(json["operations"].size() == 2);
  CHECK(json["operations"]["insert"]["errors"] == 1);
  CHECK(json["operations"]["insert"]["refused"] == 1);
  CHECK(json["operations"]["read"]["count"] == 1000);
  CHECK(json["operations"]["read"]["ops_per_second"] == 500.0);
  CHECK(json["operations"]["read"]["latency_ns"]["max"] == 1'000'000);
  CHECK(json["all"]["count"] == 2000);
  CHECK(json["all"]["errors"] == 1);
}

TEST_CASE("a key that is gone is damage, whatever else went wrong") {
  RunResult result = result_of({Operation::kRead});
  bench::Tally& tally = result.tally;
  CHECK(bench_exit_code(tally, BenchKeys::kThere) == kExitOk);
  tally.first_unserved = "NOT_LEADER";
  tally.line(Operation::kInsert).unserved = 1;
  CHECK(bench_exit_code(tally, BenchKeys::kThere) == kExitOk);
  tally.line(Operation::kInsert).refused = 1;
  CHECK(bench_exit_code(tally, BenchKeys::kThere) == kExitServerError);
  tally.line(Operation::kRead).missing = 1;
  CHECK(bench_exit_code(tally, BenchKeys::kThere) == kExitIntegrity);
  // Nobody looked whether they were written.
  CHECK(bench_exit_code(tally, BenchKeys::kMayBeMissing) == kExitServerError);
  tally.line(Operation::kRead).wrong = 1;
  CHECK(bench_exit_code(tally, BenchKeys::kMayBeMissing) == kExitIntegrity);
}

TEST_CASE("percentiles go into one file, and one for each of several operations") {
  const auto one = percentile_files("out/run.hgrm", result_of({Operation::kRead}));
  REQUIRE(one.size() == 1);
  CHECK(one[0].path == "out/run.hgrm");
  CHECK(one[0].text.find("Total count    =         1000") != std::string::npos);
  const auto two =
      percentile_files("out/run.hgrm", result_of({Operation::kRead, Operation::kScan}));
  REQUIRE(two.size() == 3);
  CHECK(two[0].path == "out/run.hgrm");
  CHECK(two[1].path == "out/run.read.hgrm");
  CHECK(two[2].path == "out/run.scan.hgrm");
  CHECK(two[2].text == one[0].text);
}
