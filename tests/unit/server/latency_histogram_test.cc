#include "server/latency_histogram.h"

#include <doctest/doctest.h>

using kv::server::LatencyHistogram;
using std::chrono::nanoseconds;

TEST_CASE("a quantile is never too low, and at most a quarter too high") {
  for (std::int64_t ns = 1; ns < 2'000'000'000'000; ns = ns * 9 / 8 + 1) {
    CAPTURE(ns);
    LatencyHistogram histogram;
    histogram.add(nanoseconds(ns));
    LatencyHistogram::Counts counts{};
    histogram.add_to(counts);
    const auto found = LatencyHistogram::quantile(counts, 0.5).count();
    CHECK(found > ns);
    CHECK(static_cast<double>(found) <= static_cast<double>(ns) * 1.25 + 1);
  }
}

TEST_CASE("quantiles are taken over everything that was added") {
  LatencyHistogram a;
  LatencyHistogram b;
  for (int i = 0; i < 98; ++i) a.add(nanoseconds(100));
  b.add(nanoseconds(1'000'000));
  b.add(nanoseconds(50'000'000));
  LatencyHistogram::Counts counts{};
  CHECK(LatencyHistogram::quantile(counts, 0.5).count() == 0);
  a.add_to(counts);
  b.add_to(counts);
  CHECK(LatencyHistogram::quantile(counts, 0.5).count() < 130);
  CHECK(LatencyHistogram::quantile(counts, 0.99).count() > 1'000'000);
  CHECK(LatencyHistogram::quantile(counts, 0.99).count() < 1'300'000);
  CHECK(LatencyHistogram::quantile(counts, 1).count() > 50'000'000);
}

TEST_CASE("times out of all bounds land in the outermost buckets") {
  LatencyHistogram histogram;
  histogram.add(nanoseconds(-5));
  histogram.add(nanoseconds::max());
  LatencyHistogram::Counts counts{};
  histogram.add_to(counts);
  CHECK(counts.front() == 1);
  CHECK(counts.back() == 1);
}
