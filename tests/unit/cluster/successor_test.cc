#include "cluster/successor.h"

#include <chrono>

#include <doctest/doctest.h>

using kv::cluster::are_all_silent;
using kv::cluster::best_successor;
using std::chrono::milliseconds;

namespace {

constexpr milliseconds kSilence{1100};

}  // namespace

TEST_CASE("who has most of the log takes over") {
  CHECK(best_successor({{1, 90, milliseconds(5000)}, {2, 100, milliseconds(2000)}}, kSilence) == 2);
  CHECK(best_successor({}, kSilence) == 0);
}

TEST_CASE("but not who has just started, and would be silent") {
  CHECK(best_successor({{1, 100, milliseconds(200)}, {2, 90, milliseconds(5000)}}, kSilence) == 2);
}

TEST_CASE("where all have just started, or have the same, the log and the time decide") {
  CHECK(best_successor({{1, 100, milliseconds(200)}, {2, 90, milliseconds(300)}}, kSilence) == 1);
  CHECK(best_successor({{1, 100, milliseconds(200)}, {2, 100, milliseconds(300)}}, kSilence) == 2);
  CHECK(best_successor({{1, 7, milliseconds(3000)}, {2, 7, milliseconds(2000)}}, kSilence) == 1);
}

TEST_CASE("it is worth waiting only for somebody who is there") {
  CHECK(are_all_silent({{1, 7, milliseconds(1000)}, {2, 7, milliseconds(0)}}, kSilence));
  CHECK_FALSE(are_all_silent({{1, 7, milliseconds(1100)}, {2, 7, milliseconds(0)}}, kSilence));
  CHECK_FALSE(are_all_silent({}, kSilence));
}
