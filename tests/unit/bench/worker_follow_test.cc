// A worker whose server leads no more, or is gone.

#include <atomic>
#include <future>
#include <optional>
#include <set>
#include <thread>
#include <utility>
#include <vector>

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

namespace {

// Keeps the keys that it is told, besides the first kKeys, and knows no others.
struct Keeper {
  std::set<std::uint32_t> keys;
  std::vector<std::uint32_t> asked;         // to be put, in their order
  std::optional<std::string> first_answer;  // to a put; empty: the connection ends

  void serve(Talk& talk) {
    for (std::string head = talk.read(7); head.size() == 7; head = talk.read(7)) {
      if (head == "GET 16\n") {
        talk.say(answer_to_get(*kNames.number(talk.read(16))));
        continue;
      }
      const std::string put = talk.read(kPut - 7);
      asked.push_back(*kNames.number(put.substr(4, 16)));
      const std::string answer = std::exchange(first_answer, {}).value_or("OK ver=1\n");
      if (answer.empty()) return;
      if (answer.starts_with("OK")) keys.insert(asked.back());
      talk.say(answer);
    }
  }
  std::string answer_to_get(std::uint32_t key) const {
    if (key >= kKeys && !keys.contains(key)) return "NOT_FOUND\n";
    std::string out = "VALUE 100 ver=1\n";
    kNative.values().append(out, key, 100, 1);
    return out + "\n";
  }
};

}  // namespace

TEST_CASE("a key whose insert came to nothing is inserted again, and not read before") {
  Keeper keeper;
  Keeper before;
  bool has_second = true;
  SUBCASE("refused by one that leads no more") { before.first_answer = kNotLeader; }
  SUBCASE("of unknown outcome") {
    before.first_answer = "ERR UNKNOWN_OUTCOME applied=maybe :node 2 leads\n";
  }
  SUBCASE("lost with the connection") { before.first_answer = ""; }
  SUBCASE("refused by one that leads on") {
    before.first_answer = "ERR TRY_LATER applied=no retry_ms=25 reason=queue\n";
    has_second = false;
  }
  std::vector<FakeServer::Script> scripts;
  if (has_second) scripts.emplace_back([&](Talk& talk) { keeper.serve(talk); });
  FakeServer second(scripts);
  FakeServer first({[&](Talk& talk) { before.serve(talk); }});
  Tally tally;
  InsertedKeys inserted(kKeys);
  {
    Destination leader(first.address(), [&] { return std::optional(second.address()); });
    const Workload workload{*Mix::parse("read=1,insert=1"), Distribution::kLatest};
    const KeyChooser chooser(workload.distribution, kKeys);
    MixSource source(workload, chooser, inserted, 1);
    Worker worker(kNative, kSizes, 10s, 1);
    worker.follow(leader, 0ms);
    REQUIRE(worker.open(first.address(), 1));
    Schedule schedule;
    schedule.operations_max = 300;
    REQUIRE(worker.run(source, schedule, tally));
  }
  first.join();
  second.join();
  const Tally::Line all = tally.total();
  CHECK(all.unserved == (has_second ? 1 : 0));
  CHECK(all.refused == (has_second ? 0 : 1));
  CHECK(all.missing == 0);
  CHECK(all.wrong == 0);
  // Nothing was kept by the first that the second lacks.
  REQUIRE(before.asked.size() >= 1);
  CHECK(before.asked.front() == kKeys);
  CHECK((has_second ? keeper.asked.front() : before.asked.at(1)) == kKeys);
  CHECK(inserted.count() == kKeys + (has_second ? keeper : before).keys.size());
  CHECK(inserted.count() > kKeys + 100);
}

TEST_CASE("patience ends when connections are taken, and nothing is ever served on them") {
  const FakeServer::Script refuses = [](Talk& talk) {
    talk.read(kGet);
    talk.say(kNotLeader);
    talk.read_to_end();
  };
  FakeServer first({refuses, refuses});
  const Reads reads(first, first.address(), 9);
  REQUIRE(!reads.result);
  CHECK(reads.result.error().code == Errc::kNotLeader);
  CHECK(reads.result.error().context.starts_with(
      "who is said to lead serves nothing, since 0 s; at last: NOT_LEADER applied=no leader=b:1"));
  CHECK(reads.tally.total().unserved == 2);
  CHECK(reads.looks == 1);
}

TEST_CASE("while a leader is looked for nobody listens, and who is heard of then was not silent") {
  constexpr auto kTimeout = 600ms;
  std::promise<void> has_looked;
  FakeServer second({serve_reads});
  FakeServer first({[](Talk& talk) {
                      talk.read(kGet);
                      talk.say(kNotLeader);
                      talk.read_to_end();
                    },
                    [&](Talk& talk) {
                      has_looked.get_future().wait();
                      std::this_thread::sleep_for(kTimeout / 4);  // it is slow, and no more
                      serve_reads(talk);
                    }});
  Destination leader(first.address(), [&] {
    std::this_thread::sleep_for(kTimeout);  // some member hangs
    has_looked.set_value();
    return std::optional(second.address());
  });
  const Workload workload{*Mix::parse("read=1"), Distribution::kUniform};
  const KeyChooser chooser(workload.distribution, kKeys);
  InsertedKeys inserted(kKeys);
  MixSource source(workload, chooser, inserted, 1);
  Tally tally;
  Result<void> result;
  {
    Worker worker(kNative, kSizes, kTimeout, 1);
    worker.follow(leader, 0ms);
    REQUIRE(worker.open(first.address(), 2));
    Schedule schedule;
    schedule.operations_max = 6;
    result = worker.run(source, schedule, tally);
  }
  REQUIRE(result);
  CHECK(tally.total().unserved == 1);
  CHECK(tally.total().times.count() == 5);
}

TEST_CASE("threads that lose the same leader look for the next one once") {
  int looks = 0;
  const auto find = [&]() -> std::optional<std::string> {
    looks += 1;
    if (looks == 1) return std::nullopt;
    return "b:" + std::to_string(looks);
  };
  Destination leader("a:1", find, 0ms);
  const auto none = leader.behind(0);
  CHECK(!none.place);
  CHECK(none.is_over);
  CHECK(leader.current().address == "a:1");
  CHECK(leader.behind(0).place->address == "b:2");
  CHECK(leader.behind(0).place->address == "b:2");
  CHECK(looks == 2);
  CHECK(leader.behind(1).place->address == "b:3");
  CHECK(leader.current().turn == 2);
}

TEST_CASE("a look that another thread is at, or was at just now, holds nobody up") {
  int looks = 0;
  Destination* destination = nullptr;
  const auto find = [&]() -> std::optional<std::string> {
    looks += 1;
    const auto meanwhile = destination->behind(0);
    CHECK(!meanwhile.place);
    CHECK(!meanwhile.is_over);
    return std::nullopt;
  };
  Destination leader("a:1", find, 1h);
  destination = &leader;
  CHECK(leader.behind(0).is_over);
  const auto again = leader.behind(0);
  CHECK(!again.place);
  CHECK(!again.is_over);
  CHECK(looks == 1);
}
