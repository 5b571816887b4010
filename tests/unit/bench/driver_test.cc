#include "bench/driver.h"

#include <doctest/doctest.h>

#include "support/fake_redis.h"
#include "support/fake_server.h"

using namespace kv;
using namespace kv::bench;
using test::FakeRedis;
using test::FakeServer;

namespace {

bool show_nothing(const RunProgress&) { return true; }

std::unique_ptr<Driver> connected(const FakeServer& server, const char* sizes = "100") {
  DriverOptions options;
  options.address = server.address();
  options.timeout = std::chrono::seconds(10);
  options.protocol = Protocol::kResp;
  options.keys = 500;
  options.clients = 1;
  auto driver = Driver::connect(options, *ValueSizes::parse(sizes));
  REQUIRE(driver);
  return std::move(*driver);
}

RunOptions of_operations(std::uint64_t count) {
  RunOptions options;
  options.warmup = std::chrono::milliseconds(0);
  options.operations = count;
  return options;
}

}  // namespace

TEST_CASE("keys are loaded once, found by the next run, and read back right") {
  FakeRedis redis;
  FakeServer server({redis.script(), redis.script(), redis.script()});
  {
    const auto driver = connected(server);
    CHECK(driver->is_loaded() == false);
    const auto loaded = driver->load(RunOptions(), show_nothing);
    REQUIRE(loaded);
    CHECK(loaded->tally.total().times.count() == 500);
    CHECK(driver->is_loaded() == true);
  }
  {
    const auto driver = connected(server);
    CHECK(driver->is_loaded() == true);
    const auto result = driver->run(*ycsb('a'), of_operations(200), show_nothing);
    REQUIRE(!result.failure);
    CHECK(result.tally.total().times.count() == 200);
    CHECK(result.tally.total().errors() == 0);
    CHECK(result.seconds > 0);
  }
  // Values of other sizes do not do.
  CHECK(connected(server, "200")->is_loaded() == false);
  server.join();
  CHECK(redis.data.size() == 500);
}

TEST_CASE("a run ends when it is told to, with what it has measured") {
  FakeRedis redis;
  FakeServer server({redis.script()});
  const auto driver = connected(server);
  REQUIRE(driver->load(RunOptions(), show_nothing));
  RunOptions options = of_operations(UINT64_MAX);
  const auto result = driver->run(
      *ycsb('c'), options, [](const RunProgress& progress) { return progress.answered == 0; });
  REQUIRE(!result.failure);
  CHECK(result.tally.total().times.count() > 0);
  CHECK(result.tally.total().errors() == 0);
}

TEST_CASE("a driver without a server says so") {
  DriverOptions options;
  options.address = test::deserted_address();
  const auto driver = Driver::connect(options, *ValueSizes::parse("100"));
  REQUIRE(!driver);
  CHECK(driver.error().code == Errc::kUnavailable);
}

TEST_CASE("when one thread's connection ends all of them do") {
  FakeRedis redis;
  // The scripts are played in turn: the second client is accepted when the first has left.
  FakeServer server({[](test::Talk& talk) { talk.read(10); }, redis.script()});
  DriverOptions options;
  options.address = server.address();
  options.timeout = std::chrono::seconds(10);
  options.protocol = Protocol::kResp;
  options.keys = 100'000;  // enough for both
  options.clients = 2;
  options.threads = 2;
  {
    const auto driver = Driver::connect(options, *ValueSizes::parse("100"));
    REQUIRE(driver);
    const auto result = (*driver)->load(RunOptions(), show_nothing);
    REQUIRE(!result);
    CHECK(result.error().code == Errc::kUnavailable);
  }
}
