#include "cli/console.h"

#include <doctest/doctest.h>

using namespace kv;
using cli::Common;

namespace {

// How often a call is made that always fails with this.
int tries(const Common& common, Errc code) {
  int count = 0;
  const auto result = cli::retried(common, [&]() -> Result<int> {
    count += 1;
    return tl::unexpected(Error{code, "", {}});
  });
  CHECK(!result);
  return count;
}

}  // namespace

TEST_CASE("a server that says to try later is asked again as often as the flag says") {
  Common common;
  common.retries = 1;
  CHECK(tries(common, Errc::kTryLater) == 2);
  CHECK(tries(common, Errc::kConflict) == 1);
  CHECK(tries(common, Errc::kNotLeader) == 1);  // the client has looked for one
  common.retries = 0;
  CHECK(tries(common, Errc::kTryLater) == 1);
}

TEST_CASE("a client of several servers asks again by itself") {
  Common common;
  common.address = "a:1,b:1";
  CHECK(common.has_several_addresses());
  CHECK(tries(common, Errc::kTryLater) == 1);
}

TEST_CASE("the time for finding a leader may be none") {
  Common common;
  CHECK(common.retry_for() == std::chrono::seconds(10));
  common.retry_for_text = "0";
  CHECK(common.retry_for() == std::chrono::milliseconds(0));
  common.retry_for_text = "250ms";
  CHECK(common.retry_for() == std::chrono::milliseconds(250));
}
