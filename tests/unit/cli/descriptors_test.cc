#include "cli/descriptors.h"

#include <sys/resource.h>

#include <doctest/doctest.h>

using namespace kv::cli;

TEST_CASE("connections and segments share the descriptors there are") {
  const auto plenty = share_descriptors(100'000, {10'000, 512});
  CHECK(plenty.connections == 10'000);
  CHECK(plenty.segments == 512);
  const auto usual = share_descriptors(1024, {10'000, 512});
  CHECK(usual.segments == 480);
  CHECK(usual.connections == 480);
  const auto few = share_descriptors(1024, {100, 512});
  CHECK(few.connections == 100);
  CHECK(few.segments == 480);
  const auto hardly = share_descriptors(20, {10'000, 512});
  CHECK(hardly.connections == 1);
  CHECK(hardly.segments == 1);
  const auto unlimited = share_descriptors(RLIM_INFINITY, {10'000, 512});
  CHECK(unlimited.connections == 10'000);
}

TEST_CASE("the limit is raised as far as it may be") {
  rlimit before{};
  REQUIRE(::getrlimit(RLIMIT_NOFILE, &before) == 0);
  CHECK(raise_descriptor_limit() == before.rlim_max);
  rlimit now{};
  REQUIRE(::getrlimit(RLIMIT_NOFILE, &now) == 0);
  CHECK(now.rlim_cur == before.rlim_max);
}
