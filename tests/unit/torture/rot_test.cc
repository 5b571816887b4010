#include "torture/rot.h"

#include <ostream>

#include <doctest/doctest.h>

using kv::torture::explore_rot;
using kv::torture::Finding;

TEST_CASE("whatever byte rots, a key answers what was written or that it is damaged") {
  std::uint64_t tried = 0;
  const auto finding = explore_rot(29, &tried);
  CHECK_MESSAGE(!finding, describe(finding.value_or(Finding())));
  CHECK(tried > 500);
}
