#include "bench/tally.h"

#include <doctest/doctest.h>

using namespace kv::bench;

TEST_CASE("tallies add up, and the first problem that was seen stays") {
  Tally first, second;
  first.line(Operation::kRead).times.record(10);
  first.line(Operation::kRead).wrong = 1;
  first.first_wrong = "one";
  first.value_min = 4;
  first.value_max = 9;
  second.line(Operation::kRead).times.record(30);
  second.line(Operation::kUpdate).times.record(20);
  second.line(Operation::kUpdate).refused = 2;
  second.line(Operation::kUpdate).missing = 3;
  second.first_wrong = "two";
  second.first_refusal = "no";
  second.unsent = 5;
  second.value_min = 3;
  second.value_max = 8;
  first.add(second);
  CHECK(first.line(Operation::kRead).times.count() == 2);
  CHECK(first.first_wrong == "one");
  CHECK(first.first_refusal == "no");
  CHECK(first.unsent == 5);
  CHECK(first.value_min == 3);
  CHECK(first.value_max == 9);
  const Tally::Line total = first.total();
  CHECK(total.times.count() == 3);
  CHECK(total.times.max() == 30);
  CHECK(total.errors() == 6);
}
