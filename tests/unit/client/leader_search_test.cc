#include "client/leader_search.h"

#include <doctest/doctest.h>

using namespace kv;
using client::KnownServers;
using client::LeaderSearch;
using namespace std::chrono_literals;

namespace {

using Kind = LeaderSearch::Failure::Kind;

// A search among "a:1", "b:1" and "c:1", or others, with a clock of its own. Each verb returns
// where the request goes next, with what it waits before in front: "later b:1"; "over" at the end.
struct Search {
  explicit Search(std::vector<std::string> given = {"a:1", "b:1", "c:1"},
                  std::chrono::milliseconds retry_for = 10s, std::uint32_t seed = 1)
      : servers(std::move(given)), random(seed), search(servers, retry_for, random) {}

  std::string leads(std::string_view leader, std::uint64_t epoch) {
    return go({Kind::kNotLeader, servers.current() + ": NOT_LEADER", leader, epoch});
  }
  std::string nobody_leads(std::chrono::milliseconds asked_to_wait = 0ms) {
    return go({Kind::kNotLeader, servers.current() + ": NOT_LEADER", "-", 0, asked_to_wait});
  }
  std::string gone() { return go({Kind::kGone, servers.current() + ": gone"}); }
  std::string busy(std::chrono::milliseconds asked_to_wait) {
    return go({Kind::kBusy, servers.current() + ": TRY_LATER", {}, 0, asked_to_wait});
  }
  std::string go(const LeaderSearch::Failure& failure) {
    const auto wait = search.after(failure, now);
    if (!wait) return "over";
    now += *wait;
    if (*wait > 0ms) waits.push_back(*wait);
    return (*wait > 0ms ? "later " : "") + servers.current();
  }

  KnownServers servers;
  LeaderSearch::Random random;
  LeaderSearch search;
  LeaderSearch::Clock::time_point now{};
  std::vector<std::chrono::milliseconds> waits;
};

}  // namespace

TEST_CASE("the leader that a server names is asked at once, and known from then on") {
  Search search;
  CHECK(search.leads("c:1", 7) == "c:1");
  CHECK(search.leads("d:1", 8) == "d:1");
  CHECK(search.servers.addresses().back() == "d:1");
  CHECK(search.servers.epoch() == 8);
}

TEST_CASE("what a server says of an earlier epoch is ignored") {
  Search search;
  search.servers.see_epoch(7);
  CHECK(search.leads("c:1", 6) == "b:1");
  CHECK(search.leads("c:1", 7) == "c:1");
  CHECK(search.servers.epoch() == 7);
}

TEST_CASE("servers that name each other are not asked in a loop") {
  Search search({"a:1", "b:1"});
  CHECK(search.leads("b:1", 7) == "b:1");
  CHECK(search.leads("a:1", 7) == "later a:1");
  CHECK(search.leads("b:1", 7) == "b:1");
  CHECK(search.leads("a:1", 7) == "later a:1");
  SUBCASE("but after an election one that was asked may be the leader") {
    CHECK(search.leads("b:1", 7) == "b:1");
    CHECK(search.leads("a:1", 8) == "a:1");
  }
}

TEST_CASE("a server that names itself, or nobody, is no leader to follow") {
  Search search;
  CHECK(search.leads("a:1", 7) == "b:1");
  CHECK(search.leads("nonsense", 8) == "c:1");
  CHECK(search.nobody_leads() == "later a:1");
}

TEST_CASE(
    "servers that make up leaders and epochs are followed a few times, then there is a wait") {
  Search search({"a:1"});
  std::uint64_t epoch = 0;
  const auto next = [&] {
    epoch += 1;
    return search.leads("x:" + std::to_string(epoch), epoch);
  };
  for (int hop = 1; hop <= LeaderSearch::kHopsMax; ++hop) {
    CHECK(next() == "x:" + std::to_string(hop));
  }
  CHECK(next().starts_with("later "));
}

TEST_CASE("every server is asked once, then there is a wait before it is asked again") {
  Search search;
  CHECK(search.gone() == "b:1");
  CHECK(search.nobody_leads() == "c:1");
  CHECK(search.gone() == "later a:1");
  CHECK(search.gone() == "b:1");
}

TEST_CASE("a leader that is gone is not asked again on the word of those who do not know it yet") {
  Search search;
  search.servers.see_epoch(7);
  CHECK(search.gone() == "b:1");
  CHECK(search.leads("a:1", 7) == "c:1");
  CHECK(search.leads("a:1", 7) == "later a:1");
}

TEST_CASE("a single server is asked again after a wait") {
  Search search({"a:1"});
  CHECK(search.nobody_leads() == "later a:1");
  CHECK(search.nobody_leads() == "later a:1");
}

TEST_CASE("a server that is busy is asked again itself") {
  Search search;
  CHECK(search.busy(25ms) == "later a:1");
  CHECK(search.busy(25ms) == "later a:1");
}

TEST_CASE("waits double up to a bound and have a random part of up to a half") {
  Search search({"a:1"});
  for (int i = 0; i < 8; ++i) REQUIRE(search.nobody_leads() == "later a:1");
  const std::vector<int> least = {25, 50, 100, 200, 400, 500, 500, 500};
  for (std::size_t i = 0; i < least.size(); ++i) {
    CAPTURE(i);
    CHECK(search.waits[i].count() >= least[i]);
    CHECK(search.waits[i].count() <= least[i] * 3 / 2);
  }
  Search other({"a:1"}, 10s, 2);
  for (int i = 0; i < 8; ++i) REQUIRE(other.nobody_leads() == "later a:1");
  CHECK(search.waits != other.waits);
}

TEST_CASE("a wait is as long as the most patient server asked for since the last one") {
  Search search({"a:1", "b:1"});
  CHECK(search.nobody_leads(100ms) == "b:1");
  CHECK(search.nobody_leads(30ms) == "later a:1");
  CHECK(search.gone() == "b:1");
  CHECK(search.gone() == "later a:1");
  CHECK(search.waits[0] >= 100ms);
  CHECK(search.waits[0] <= 150ms);
  CHECK(search.waits[1] <= 75ms);
  CHECK(search.busy(5000h) == "over");
}

TEST_CASE(
    "the time runs from the first failure, and a wait that would not end in it is not begun") {
  Search search({"a:1"}, 60ms);
  search.now += 1h;
  CHECK(search.nobody_leads() == "later a:1");  // 25 to 37 ms
  const auto now = search.now;
  CHECK(search.nobody_leads() == "over");  // at least 50 ms more
  CHECK(search.now == now);
}

TEST_CASE("a leader is not followed when the time is over") {
  Search search({"a:1", "b:1"}, 100ms);
  CHECK(search.leads("b:1", 1) == "b:1");
  search.now += 100ms;
  CHECK(search.leads("c:1", 2) == "over");
}

TEST_CASE("without time for it there is no second try, and the error stays what it was") {
  Search search({"a:1", "b:1"}, 0ms);
  CHECK(search.leads("b:1", 1) == "over");
  const Error error = search.search.give_up({Errc::kNotLeader, "NOT_LEADER leader=b:1", {}});
  CHECK(error.code == Errc::kNotLeader);
  CHECK(error.context == "NOT_LEADER leader=b:1");
}

TEST_CASE("after progress the time begins anew, and so do the waits") {
  Search search({"a:1"}, 100ms);
  CHECK(search.nobody_leads() == "later a:1");
  search.now += 100ms;
  search.search.start_over();
  CHECK(search.nobody_leads() == "later a:1");
  CHECK(search.waits[1] <= 37ms);
}

TEST_CASE("who gives up tells what each server said last") {
  Search search({"a:1", "b:1"}, 30s);
  const auto give_up = [&](Errc last) { return search.search.give_up({last, "the last", {}}); };
  search.gone();
  SUBCASE("no leader was found") {
    search.nobody_leads();
    search.gone();
    const Error error = give_up(Errc::kUnavailable);
    CHECK(error.code == Errc::kNotLeader);
    CHECK(error.context ==
          "no leader took the request within 30 s; a:1: gone; b:1: NOT_LEADER; a cluster has a "
          "leader while more than half of its servers reach each other");
  }
  SUBCASE("nobody was there") {
    search.gone();
    const Error error = give_up(Errc::kUnavailable);
    CHECK(error.code == Errc::kUnavailable);
    CHECK(error.context == "no server took the request within 30 s; a:1: gone; b:1: gone");
  }
  SUBCASE("the leader was busy") {
    search.leads("c:1", 1);
    search.busy(25ms);
    const Error error = give_up(Errc::kTryLater);
    CHECK(error.code == Errc::kTryLater);
    CHECK(error.context ==
          "no server took the request within 30 s; a:1: gone; b:1: NOT_LEADER; c:1: TRY_LATER");
  }
}

TEST_CASE("a leader that others name and that does not answer is told from no leader") {
  Search search({"a:1"}, 10s);
  CHECK(search.leads("b:1", 7) == "b:1");
  CHECK(search.gone() == "later a:1");
  const auto said = [&] { return search.search.give_up({Errc::kUnavailable, "last", {}}).context; };
  CHECK(said() ==
        "no leader took the request within 10 s; a:1: NOT_LEADER; b:1: gone; a node leads at b:1, "
        "but it cannot be reached from here: b:1: gone");
  // By a newer word nobody does.
  CHECK(search.go({Kind::kNotLeader, "a:1: NOT_LEADER", "-", 7, 0ms}) == "b:1");
  CHECK(said().ends_with(
      "a cluster has a leader while more than half of its servers reach each other"));
}
