#include "bench/histogram.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <random>
#include <vector>

#include <doctest/doctest.h>

using kv::bench::Histogram;

namespace {

std::uint64_t seed() {
  const char* given = std::getenv("KV_SEED");
  return given != nullptr ? std::strtoull(given, nullptr, 10) : 20;
}

std::vector<std::uint64_t> random_times(std::size_t count) {
  std::mt19937_64 random(seed());
  std::lognormal_distribution<double> times(std::log(80'000.0), 2);
  std::vector<std::uint64_t> out(count);
  for (auto& time : out) time = static_cast<std::uint64_t>(times(random));
  return out;
}

}  // namespace

TEST_CASE("every time falls into the bucket that holds it, and no bucket is too wide") {
  for (std::uint64_t ns = 0; ns < Histogram::kHighest; ns += 1 + ns / 3000) {
    CAPTURE(ns);
    const std::size_t bucket = Histogram::bucket_of(ns);
    REQUIRE(Histogram::lowest_in(bucket) <= ns);
    REQUIRE(ns <= Histogram::highest_in(bucket));
    const std::uint64_t width = Histogram::highest_in(bucket) - Histogram::lowest_in(bucket);
    REQUIRE(width * 1000 <= ns);
  }
}

TEST_CASE("the buckets lie side by side up to an hour") {
  for (std::size_t bucket = 0; bucket < Histogram::bucket_of(Histogram::kHighest); ++bucket) {
    CAPTURE(bucket);
    REQUIRE(Histogram::bucket_of(Histogram::highest_in(bucket)) == bucket);
    REQUIRE(Histogram::bucket_of(Histogram::highest_in(bucket) + 1) == bucket + 1);
  }
}

TEST_CASE("a percentile is that of the sorted times, to three digits") {
  MESSAGE("seed " << seed());
  auto times = random_times(100'000);
  Histogram histogram;
  for (const auto time : times) histogram.record(time);
  std::sort(times.begin(), times.end());
  for (const double share : {0.0, 0.001, 0.1, 0.5, 0.9, 0.99, 0.999, 0.9999, 1.0}) {
    CAPTURE(share);
    const auto rank = static_cast<std::size_t>(
        std::max(1.0, std::ceil(share * static_cast<double>(times.size()))));
    const std::uint64_t exact = times[rank - 1];
    CHECK(histogram.value_at(share) >= exact);
    CHECK(histogram.value_at(share) <= exact + exact / 1000);
  }
  CHECK(histogram.count() == times.size());
  CHECK(histogram.min() == times.front());
  CHECK(histogram.max() == times.back());
}

TEST_CASE("mean and deviation are those of the times") {
  const auto times = random_times(10'000);
  Histogram histogram;
  double sum = 0;
  for (const auto time : times) {
    histogram.record(time);
    sum += static_cast<double>(time);
  }
  const double mean = sum / static_cast<double>(times.size());
  double squares = 0;
  for (const auto time : times) {
    squares += std::pow(static_cast<double>(time) - mean, 2);
  }
  CHECK(histogram.mean() == doctest::Approx(mean).epsilon(1e-9));
  const double deviation = std::sqrt(squares / static_cast<double>(times.size()));
  CHECK(histogram.deviation() == doctest::Approx(deviation).epsilon(0.001));
}

TEST_CASE("two histograms added are one of all times") {
  Histogram all, first, second;
  const auto times = random_times(2'000);
  for (std::size_t i = 0; i < times.size(); ++i) {
    all.record(times[i]);
    (i % 3 == 0 ? first : second).record(times[i]);
  }
  first.add(second);
  CHECK(first.count() == all.count());
  CHECK(first.min() == all.min());
  CHECK(first.max() == all.max());
  for (const double share : {0.25, 0.5, 0.75, 0.99}) {
    CHECK(first.value_at(share) == all.value_at(share));
  }
}

TEST_CASE("without times there is nothing, and an hour is the most") {
  Histogram histogram;
  CHECK(histogram.value_at(0.99) == 0);
  CHECK(histogram.min() == 0);
  CHECK(histogram.mean() == 0);
  histogram.record(UINT64_MAX);
  CHECK(histogram.max() == Histogram::kHighest);
  CHECK(histogram.value_at(0.5) == Histogram::kHighest);
  CHECK(histogram.count_up_to(UINT64_MAX) == 1);
}
