#include "bench/worker.h"

#include <thread>

#include <doctest/doctest.h>

#include "bench/target_native.h"
#include "bench/target_resp.h"
#include "support/fake_redis.h"
#include "support/fake_server.h"

using namespace kv;
using namespace kv::bench;
using test::FakeRedis;
using test::FakeServer;
using test::Talk;
using namespace std::chrono_literals;

namespace {

const KeyNames kNames(16);
const TargetResp kResp(kNames);
const TargetNative kNative(kNames, std::nullopt);
const ValueSizes kSizes = *ValueSizes::parse("100");
constexpr std::uint32_t kKeys = 20;

std::string value_of(std::uint32_t key) {
  std::string out;
  kResp.values().append(out, key, 100, key);
  return out;
}

FakeRedis loaded_redis() {
  FakeRedis redis;
  for (std::uint32_t key = 0; key < kKeys; ++key) redis.data[kNames.name(key)] = value_of(key);
  return redis;
}

// A worker with one connection, a mix, and what they come to.
struct Run {
  Run(const Target& target, const char* mix, const Schedule& schedule, const std::string& address,
      std::chrono::milliseconds timeout = 10s)
      : worker(target, kSizes, timeout, 1) {
    const Workload workload{*Mix::parse(mix), Distribution::kUniform};
    const KeyChooser chooser(workload.distribution, kKeys);
    InsertedKeys inserted(kKeys);
    MixSource source(workload, chooser, inserted, 1);
    REQUIRE(worker.open(address, 1));
    result = worker.run(source, schedule, tally);
    keys = inserted.count();
  }

  Worker worker;
  Tally tally;
  Result<void> result;
  std::uint32_t keys = 0;
};

Schedule of_operations(std::uint64_t count, std::uint32_t pipeline = 1) {
  Schedule schedule;
  schedule.operations_max = count;
  schedule.pipeline = pipeline;
  return schedule;
}

}  // namespace

TEST_CASE("a run of so many operations makes exactly those, and checks their answers") {
  FakeRedis redis = loaded_redis();
  std::uint64_t answered = 0, inserted = 0;
  {
    FakeServer server({redis.script()});
    const Run run(kResp, "read=2,update=1,insert=1,rmw=1", of_operations(1000, 7),
                  server.address());
    REQUIRE(run.result);
    answered = run.tally.total().times.count();
    inserted = run.tally.line(Operation::kInsert).times.count();
    CHECK(run.tally.total().errors() == 0);
    CHECK(run.worker.answered() == 1000);
    CHECK(run.worker.bytes_sent() > 1000 * 16);
    CHECK(run.keys == kKeys + inserted);
    const auto count = [&](Operation operation) { return run.tally.line(operation).times.count(); };
    const std::uint64_t rmw = count(Operation::kReadModifyWrite);
    CHECK(redis.gets == count(Operation::kRead) + rmw);
    CHECK(redis.sets == count(Operation::kUpdate) + inserted + rmw);
    CHECK(rmw > 100);
  }
  CHECK(answered == 1000);
  CHECK(redis.data.size() == kKeys + inserted);
}

TEST_CASE("a value that is another's, changed, or gone is counted and told") {
  FakeRedis redis = loaded_redis();
  std::string what;
  SUBCASE("another's") {
    redis.spoil = [](const std::string&) { return value_of(kKeys + 1); };
    what = "a value that is another key's or has changed";
  }
  SUBCASE("changed") {
    redis.spoil = [](std::string value) {
      value.back() = static_cast<char>(value.back() ^ 1);
      return value;
    };
    what = "a value that is another key's or has changed";
  }
  SUBCASE("gone") {
    redis.data.clear();
    what = "no such key, though it was written";
  }
  FakeServer server({redis.script()});
  const Run run(kResp, "read=1", of_operations(10), server.address());
  REQUIRE(run.result);
  const Tally::Line& line = run.tally.line(Operation::kRead);
  CHECK(line.times.count() == 10);
  CHECK(line.errors() == 10);
  CHECK((line.wrong == 10) == redis.data.contains(kNames.name(0)));
  CHECK(run.tally.first_wrong.starts_with("read of bench:00000000"));
  CHECK(run.tally.first_wrong.ends_with(what));
}

TEST_CASE("what is refused is counted by itself, and the run goes on") {
  FakeServer server({[](Talk& talk) {
    for (int i = 0; i < 3; ++i) {
      talk.read(7 + 16);
      talk.say("ERR TRY_LATER applied=no retry_ms=25 reason=queue\n");
    }
    talk.read_to_end();
  }});
  const Run run(kNative, "read=1", of_operations(3), server.address());
  REQUIRE(run.result);
  CHECK(run.tally.line(Operation::kRead).refused == 3);
  CHECK(run.tally.first_refusal == "TRY_LATER applied=no retry_ms=25 reason=queue");
}

TEST_CASE("scans are made and checked item by item, however the answer is split") {
  FakeServer server({[](Talk& talk) {
    const std::string request = talk.read_line();
    const auto count = std::stoul(request.substr(request.find('=') + 1));
    const auto first = *kNames.number(talk.read(16));
    std::string answer;
    std::size_t items = 0;
    for (std::uint32_t key = first; key < kKeys && items < count; ++key, ++items) {
      answer += "ITEM 16 100 ver=1\n" + kNames.name(key) + value_of(key) + "\n";
    }
    answer += "END " + std::to_string(items) + " more=0\n";
    talk.say_bytewise(answer);
    talk.read_to_end();
  }});
  const Run run(kNative, "scan=1", of_operations(1), server.address());
  REQUIRE(run.result);
  CHECK(run.tally.line(Operation::kScan).times.count() == 1);
  CHECK(run.tally.total().errors() == 0);
}

TEST_CASE("a connection that ends, a stranger, and silence end the run") {
  Errc code{};
  FakeServer::Script script;
  std::chrono::milliseconds timeout = 10s;
  SUBCASE("an end") {
    script = [](Talk& talk) { talk.read(7 + 16); };
    code = Errc::kUnavailable;
  }
  SUBCASE("a stranger") {
    script = [](Talk& talk) {
      talk.read(7 + 16);
      talk.say("220 mail.example.org ESMTP\r\n");
      talk.read_to_end();
    };
    code = Errc::kProtocol;
  }
  SUBCASE("more than was asked for") {
    script = [](Talk& talk) {
      talk.read(7 + 16);
      talk.say("NOT_FOUND\nNOT_FOUND\n");
      talk.read_to_end();
    };
    code = Errc::kProtocol;
  }
  SUBCASE("silence") {
    script = [](Talk& talk) { talk.read_to_end(); };
    code = Errc::kTimeout;
    timeout = 1ms;
  }
  FakeServer server({script});
  const Run run(kNative, "read=1", of_operations(2), server.address(), timeout);
  REQUIRE(!run.result);
  CHECK(run.result.error().code == code);
}

TEST_CASE("in an open loop a request's time counts from when it was due") {
  FakeRedis redis = loaded_redis();
  FakeServer server({redis.script()});
  Schedule schedule = of_operations(50);
  schedule.interval_ns = 1e6;
  // All of them fell due a while ago.
  schedule.first = Clock::now() - 10s;
  const Run run(kResp, "read=1", schedule, server.address());
  REQUIRE(run.result);
  const Histogram& times = run.tally.line(Operation::kRead).times;
  CHECK(times.count() == 50);
  CHECK(times.min() >= 9'900'000'000);
}

TEST_CASE("what an open loop could not send before its end is counted, not dropped") {
  FakeRedis redis = loaded_redis();
  FakeServer server({redis.script()});
  Schedule schedule;
  schedule.interval_ns = 1e6;
  schedule.first = Clock::now() - 10s;
  schedule.end = schedule.first + 1s;
  const Run run(kResp, "read=1", schedule, server.address());
  REQUIRE(run.result);
  CHECK(run.tally.total().times.count() + run.tally.unsent == 1000);
  CHECK(run.tally.total().times.count() >= 1);
}

TEST_CASE("the warm-up is not counted, but what is wrong in it is") {
  FakeRedis redis = loaded_redis();
  redis.spoil = [](const std::string&) { return value_of(kKeys + 1); };
  FakeServer server({redis.script()});
  Worker worker(kResp, kSizes, 10s, 1);
  REQUIRE(worker.open(server.address(), 1));
  SampleSource source(kKeys);
  Schedule schedule;
  schedule.count_from = Clock::now() + 24h;
  Tally tally;
  REQUIRE(worker.run(source, schedule, tally));
  CHECK(tally.total().times.count() == 0);
  CHECK(tally.total().wrong == kKeys);
}

TEST_CASE("a run without end is stopped by another thread") {
  FakeRedis redis = loaded_redis();
  FakeServer server({redis.script()});
  Worker worker(kResp, kSizes, 10s, 1);
  REQUIRE(worker.open(server.address(), 1));
  const Workload workload{*Mix::parse("read=1"), Distribution::kUniform};
  const KeyChooser chooser(workload.distribution, kKeys);
  InsertedKeys inserted(kKeys);
  MixSource source(workload, chooser, inserted, 1);
  Tally tally;
  Result<void> result;
  std::thread thread([&] { result = worker.run(source, Schedule(), tally); });
  while (worker.answered() < 10) std::this_thread::yield();
  worker.stop();
  thread.join();
  CHECK(result);
  CHECK(tally.total().times.count() >= 10);
}
