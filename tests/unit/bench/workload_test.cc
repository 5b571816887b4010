#include "bench/workload.h"

#include <array>
#include <cstdlib>

#include <doctest/doctest.h>

using namespace kv::bench;

namespace {

// How many of 100 000 operations are of each kind.
std::array<int, kOperationCount> drawn(const Mix& mix) {
  std::array<int, kOperationCount> seen{};
  Random random(1);
  for (int i = 0; i < 100'000; ++i) seen[static_cast<std::size_t>(mix.choose(random))] += 1;
  return seen;
}

void check_shares(const Mix& mix, const std::array<int, kOperationCount>& percent) {
  const auto seen = drawn(mix);
  for (std::size_t i = 0; i < kOperationCount; ++i) {
    CAPTURE(name_of(static_cast<Operation>(i)));
    if (percent[i] == 0) CHECK(seen[i] == 0);
    CHECK(std::abs(seen[i] - percent[i] * 1000) <= 800);
  }
}

}  // namespace

TEST_CASE("the workloads of YCSB have the shares and distributions that were published") {
  const auto check = [](char letter, const std::array<int, kOperationCount>& percent,
                        Distribution distribution) {
    CAPTURE(letter);
    const auto workload = ycsb(letter);
    REQUIRE(workload);
    check_shares(workload->mix, percent);
    CHECK(workload->distribution == distribution);
  };
  // read, update, insert, scan, rmw
  check('a', {50, 50, 0, 0, 0}, Distribution::kZipfian);
  check('b', {95, 5, 0, 0, 0}, Distribution::kZipfian);
  check('c', {100, 0, 0, 0, 0}, Distribution::kZipfian);
  check('d', {95, 0, 5, 0, 0}, Distribution::kLatest);
  check('e', {0, 0, 5, 95, 0}, Distribution::kZipfian);
  check('f', {50, 0, 0, 0, 50}, Distribution::kZipfian);
  CHECK(!ycsb('g'));
}

TEST_CASE("a mix is what its shares say, relative to each other") {
  const auto mix = Mix::parse("rmw=1,read=2,insert=1");
  REQUIRE(mix);
  check_shares(*mix, {50, 0, 25, 0, 25});
  CHECK(mix->has(Operation::kInsert));
  CHECK(!mix->has(Operation::kScan));
}

TEST_CASE("what is no mix is refused, and named") {
  for (const char* text : {"", "read", "read=", "read=x", "read=1,", "read=1,read=2", "red=1",
                           "read=0", "read=-1", "read=1 update=2", "read=1000001"}) {
    CAPTURE(text);
    const auto mix = Mix::parse(text);
    REQUIRE(!mix);
    CHECK(mix.error().code == kv::Errc::kInvalidArgument);
    CHECK(mix.error().context.find("read, update, insert, scan, rmw") != std::string::npos);
  }
}

TEST_CASE("distributions are known by their names") {
  CHECK(parse_distribution("latest") == Distribution::kLatest);
  CHECK(name_of(Distribution::kZipfian) == "zipfian");
  CHECK(!parse_distribution("normal"));
}
