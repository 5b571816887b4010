// A worker whose server leads no more, or is gone.

#include <atomic>
#include <optional>
#include <set>

#include <doctest/doctest.h>

#include "bench/target_native.h"
#include "bench/worker.h"
#include "support/fake_server.h"

using namespace kv;
using namespace kv::bench;
using test::FakeServer;
using test::Talk;
using namespace std::chrono_literals;

namespace {

const KeyNames kNames(16);
const TargetNative kNative(kNames, std::nullopt);
const ValueSizes kSizes = *ValueSizes::parse("100");
constexpr std::uint32_t kKeys = 20;
constexpr std::size_t kGet = 7 + 16;         // "GET 16\n" and the key
constexpr std::size_t kPut = 11 + 16 + 100;  // "PUT 16 100\n", the key and the value
constexpr const char* kNotLeader = "ERR NOT_LEADER applied=no leader=b:1 epoch=2 :node 2 leads\n";

// Answers each read with the key's own value.
void serve_reads(Talk& talk) {
  for (std::string asked = talk.read(kGet); asked.size() == kGet; asked = talk.read(kGet)) {
    std::string value;
    kNative.values().append(value, *kNames.number(asked.substr(7)), 100, 1);
    talk.say("VALUE 100 ver=1\n" + value + "\n");
  }
}

// Reads of random keys by one connection, until so many are issued, with a second server to go to.
struct Reads {
  Reads(const FakeServer& first, const std::optional<std::string>& second, std::uint32_t count,
        std::uint32_t pipeline = 1)
      : leader(first.address(), [=, this] {
          looks += 1;
          return second;
        }) {
    const Workload workload{*Mix::parse("read=1"), Distribution::kUniform};
    const KeyChooser chooser(workload.distribution, kKeys);
    InsertedKeys inserted(kKeys);
    MixSource source(workload, chooser, inserted, 1);
    Worker worker(kNative, kSizes, 10s, 1);
    worker.follow(leader, 0ms);
    REQUIRE(worker.open(first.address(), 1));
    Schedule schedule;
    schedule.operations_max = count;
    schedule.pipeline = pipeline;
    result = worker.run(source, schedule, tally);
  }

  int looks = 0;
  Destination leader;
  Tally tally;
  Result<void> result;
};

}  // namespace

TEST_CASE(
    "what a server refuses that leads no more is not served, and the rest goes to the leader") {
  FakeServer second({serve_reads});
  FakeServer first({[](Talk& talk) {
    talk.read(kGet);
    talk.say(kNotLeader);
    talk.read_to_end();
  }});
  const Reads reads(first, second.address(), 4);
  REQUIRE(reads.result);
  const Tally::Line all = reads.tally.total();
  CHECK(all.times.count() == 3);
  CHECK(all.unserved == 1);
  CHECK(all.errors() == 0);
  CHECK(reads.tally.first_unserved.starts_with("NOT_LEADER applied=no leader=b:1"));
  CHECK(reads.tally.gap_max.count() > 0);
  CHECK(reads.looks == 1);
}

TEST_CASE("what was under way on a connection that is lost is not served, either") {
  FakeServer second({serve_reads});
  FakeServer first({[](Talk& talk) {
    talk.read(2 * kGet);
    std::string value;
    talk.say("ERR SHUTTING_DOWN applied=no :this server is stopping\n");
  }});
  const Reads reads(first, second.address(), 6, 2);
  REQUIRE(reads.result);
  CHECK(reads.tally.total().times.count() == 4);
  CHECK(reads.tally.total().unserved == 2);
  CHECK(reads.tally.total().errors() == 0);
}

TEST_CASE("when nobody leads the run ends, and what it measured stays") {
  FakeServer first({[](Talk& talk) {
    talk.read(kGet);
    std::string value;
    talk.say("NOT_FOUND\n");
    talk.read(kGet);
  }});
  const Reads reads(first, std::nullopt, 9);
  REQUIRE(!reads.result);
  CHECK(reads.result.error().code == Errc::kUnavailable);
  CHECK(reads.result.error().context.starts_with("nobody leads, or can be reached, since 0 s; "));
  CHECK(reads.tally.total().times.count() == 1);
  CHECK(reads.tally.total().unserved == 1);
}

TEST_CASE("keys that were not served while they are loaded are written to the next leader") {
  std::multiset<std::string> written;
  FakeServer second({[&](Talk& talk) {
    for (std::string asked = talk.read(kPut); asked.size() == kPut; asked = talk.read(kPut)) {
      written.insert(asked.substr(11, 16));
      talk.say("OK ver=1\n");
    }
  }});
  {
    FakeServer first({[&](Talk& talk) {
      written.insert(talk.read(kPut).substr(11, 16));
      talk.say("OK ver=1\n");
      talk.read(kPut);
      talk.say(kNotLeader);
      talk.read_to_end();
    }});
    Destination leader(first.address(), [&] { return std::optional(second.address()); });
    Worker worker(kNative, kSizes, 10s, 1);
    worker.follow(leader, 0ms);
    REQUIRE(worker.open(first.address(), 1));
    std::atomic<std::uint64_t> next_key = 0;
    LoadSource source(next_key, 5);
    Tally tally;
    REQUIRE(worker.run(source, Schedule(), tally));
    CHECK(tally.total().times.count() == 5);
    CHECK(tally.total().unserved == 1);
  }
  second.join();
  CHECK(written.size() == 5);
  for (std::uint32_t key = 0; key < 5; ++key) CHECK(written.count(kNames.name(key)) == 1);
}

TEST_CASE("threads that lose the same leader look for the next one once") {
  int looks = 0;
  Destination leader("a:1", [&]() -> std::optional<std::string> {
    looks += 1;
    if (looks == 1) return std::nullopt;
    return "b:" + std::to_string(looks);
  });
  CHECK(!leader.behind(0));
  CHECK(leader.current().address == "a:1");
  CHECK(leader.behind(0)->address == "b:2");
  CHECK(leader.behind(0)->address == "b:2");
  CHECK(looks == 2);
  CHECK(leader.behind(1)->address == "b:3");
  CHECK(leader.current().turn == 2);
}
